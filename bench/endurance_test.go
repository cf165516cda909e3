package main

import (
	"strings"
	"testing"
)

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
				t.Error("the collector keeps what has been counted")
			}
		})
	}
}

func TestWriteEndured(t *testing.T) {
	samples := make([]sample, 11)
	for i := range samples {
		samples[i] = sample{gauges: gauges{resident: 1000 + 2*min(i, 5), peak: 1100, descriptors: 9}, invocations: 10 + slopeStep*i, ended: 4 * i, delivered: 4 * i}
	}
	runs := []*endured{
		{subject: &subject{name: "bare"}, silent: true, samples: samples},
		{subject: &subject{name: "epilogue"}, samples: samples},
	}
	var out strings.Builder
	if err := writeEndured(&out, runs, slopeStep); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(out.String(), "|", " ")), " ")
	for _, want := range []string{
		"invocations bare: resident peak descriptors epilogue: resident peak descriptors spans ended delivered",
		" 10 1000 kB 1100 kB 9 1000 kB 1100 kB 9 0 0 1010 ",
		" 10010 1010 kB 1100 kB 9 1010 kB 1100 kB 9 40 40 ",
		"- bare: +10.0 kB; in the second half of the run +0.0 kB - epilogue: +10.0 kB; in the second half of the run +0.0 kB",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	out.Reset()
	if err := writeEndured(&out, runs, slopeStep-1); err != nil || strings.Contains(out.String(), "least squares") {
		t.Errorf("%v; a slope of a short run:\n%s", err, &out)
	}
}
