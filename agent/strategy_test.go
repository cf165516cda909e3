package agent

import (
	"testing"
	"time"
)

func TestFlushStrategyInText(t *testing.T) {
	for text, want := range map[string]FlushStrategy{
		"end":             AtEnd(),
		" END ":           {},
		"periodic":        Periodic(10 * time.Second),
		"periodic,1s":     Periodic(time.Second),
		"periodic,90s":    Periodic(90 * time.Second),
		"adaptive":        Adaptive(0),
		"Adaptive , 30s ": Adaptive(30 * time.Second),
		"adaptive,5m":     Adaptive(5 * time.Minute),
	} {
		if got, ok := parseStrategy(text); !ok || got != want {
			t.Errorf("%q is read as %v, %t; want %v", text, got, ok, want)
		}
	}
}

// FuzzFlushStrategy: an accepted value is valid and survives a round trip; another value means the default.
func FuzzFlushStrategy(f *testing.F) {
	for _, seed := range []string{"", "end", "END", "periodic", "adaptive,30s", "adaptive,1h", "periodic,", "end,1s", ",,", "adaptive,1s,1s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := parseStrategy(text)
		if !ok {
			if s = pickedFor(text); s != AtEnd() {
				t.Errorf("%q is refused and means %v", text, s)
			}
			return
		}
		if again, ok := parseStrategy(s.String()); !ok || again != s || !s.valid() {
			t.Errorf("%q is read as %v, and that as %v, %t", text, s, again, ok)
		}
	})
}

func pickedFor(text string) FlushStrategy {
	s, _ := pickStrategy(nil, func(string) string { return text })
	return s
}
