package strategy

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for text, want := range map[string]Strategy{
		"end":             {},
		" END ":           {},
		"periodic":        New(Periodic, 10*time.Second),
		"periodic,1s":     New(Periodic, time.Second),
		"periodic,90s":    New(Periodic, 90*time.Second),
		"adaptive":        New(Adaptive, 0),
		"Adaptive , 30s ": New(Adaptive, 30*time.Second),
		"adaptive,5m":     New(Adaptive, 5*time.Minute),
	} {
		if got, ok := Parse(text); !ok || got != want {
			t.Errorf("%q is read as %v, %t; want %v", text, got, ok, want)
		}
	}
}

// FuzzFlushStrategy asserts that an accepted text is valid and survives String, and that a refused one means the default.
func FuzzFlushStrategy(f *testing.F) {
	for _, seed := range []string{"", "end", "END", "periodic", "adaptive,30s", "adaptive,1h", "periodic,", "end,1s", ",,", "adaptive,1s,1s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := Parse(text)
		if !ok {
			if s != (Strategy{}) {
				t.Errorf("%q is refused and means %v", text, s)
			}
			return
		}
		if again, ok := Parse(s.String()); !ok || again != s || !s.Valid() {
			t.Errorf("%q is read as %v, and that as %v, %t", text, s, again, ok)
		}
	})
}
