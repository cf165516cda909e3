package main

import "testing"

// TestAccount is of a process that was warmed up by one invocation, and then takes two.
func TestAccount(t *testing.T) {
	const all = 2 * (enduranceChildren + 1)
	for name, test := range map[string]struct {
		silent  bool
		arrived int
		fails   bool
	}{
		"all":                {arrived: all},
		"one missing":        {arrived: all - 1, fails: true},
		"one more":           {arrived: all + 1, fails: true},
		"without spans":      {silent: true},
		"spans from nowhere": {silent: true, arrived: 1, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &collector{arrived: make(map[string]string)}
			r := &endured{silent: test.silent, collector: c, made: 1, ended: 5, delivered: 5}
			for i := range test.arrived {
				c.arrived[string(rune('a'+i))] = "span"
			}
			r.count(2)
			if err := r.account(); (err != nil) != test.fails {
				t.Errorf("%d spans of %d: %v", test.arrived, all, err)
			}
			if len(c.arrived) > 0 {
				t.Error("the collector keeps counted spans")
			}
		})
	}
}
