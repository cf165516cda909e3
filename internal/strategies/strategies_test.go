package strategies

import (
	"slices"
	"testing"
	"time"
)

// strategies are the values of EPILOGUE_FLUSH_STRATEGY that are compared. The first is what the others are compared with.
var strategies = []string{"end", "periodic", "adaptive"}

// TestStrategies has every strategy serve every pattern. What each promises holds, and the document has the figures.
func TestStrategies(t *testing.T) {
	told := make(map[string][]figures) // by pattern, in the order of the strategies
	for _, p := range patterns {
		for _, strategy := range strategies {
			f := tell(t, strategy, p)
			told[p.name] = append(told[p.name], f)
			if f.ended != 2*len(p.times) || f.lost != 0 {
				t.Errorf("%s, %s: of %d spans %d are lost; want %d and none", p.name, strategy, f.ended, f.lost, 2*len(p.times))
			}
		}
		judgeEnd(t, p, told[p.name][0])
		judgeAdaptive(t, p, told[p.name])
	}
	text := render(told)
	if *update {
		if err := write(text); err != nil {
			t.Fatal(err)
		}
	}
	documented, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if documented != text {
		t.Errorf("%s does not have these figures; if they are right, take them over with -update:\n%s", document, text)
	}
}

// judgeEnd: every invocation pays one round trip, and no span waits for longer.
func judgeEnd(t *testing.T, p arrivals, f figures) {
	t.Helper()
	n := len(p.times)
	if f.flushes != n || f.after != time.Duration(n)*collectorTime || slices.Max(f.waits) != collectorTime || f.left+f.waiting != 0 {
		t.Errorf("%s, end: %d flushes in %v for %d invocations, the longest wait %v, %d waited in a freeze",
			p.name, f.flushes, f.after, n, slices.Max(f.waits), f.waiting)
	}
}

// judgeAdaptive: where traffic is thin it is end, where it is steady and dense it costs a quarter of that at most, where it
// becomes thin at times three tenths, and no span waits for longer than the period while ends come half of it apart.
func judgeAdaptive(t *testing.T, p arrivals, told []figures) {
	t.Helper()
	end, f := told[0], told[slices.Index(strategies, "adaptive")]
	if f.late > 0 {
		t.Errorf("%s, adaptive: %d spans waited for longer than the period in dense traffic", p.name, f.late)
	}
	switch p.name {
	case "1 in 10 minutes":
		if f.after != end.after || slices.Max(f.waits) != collectorTime {
			t.Errorf("%s, adaptive: %v after the response, the longest wait %v; want what end has", p.name, f.after, slices.Max(f.waits))
		}
	case "1 a second": // of the 30 s of the other one a third is for it to become dense
		if f.after > end.after/4 {
			t.Errorf("%s, adaptive: %v after the response, of end's %v; want a quarter at most", p.name, f.after, end.after)
		}
	case "a day":
		if f.after > end.after*3/10 {
			t.Errorf("%s, adaptive: %v after the response, of end's %v; want three tenths at most", p.name, f.after, end.after)
		}
	}
}

// TestNothingSampledIsHeldForNothing: neither a request nor a moment is spent on an invocation without a sampled span.
func TestNothingSampledIsHeldForNothing(t *testing.T) {
	for _, strategy := range strategies {
		p := arrivals{times: steadily(time.Second, 30)}
		f := tell(t, strategy, p, "OTEL_TRACES_SAMPLER=always_off")
		if f.after != 0 || f.flushes != 0 || f.idle != len(p.times) || f.ended != 0 {
			t.Errorf("%s: held for %v after %d responses, %d flushes, %d skipped", strategy, f.after, len(p.times), f.flushes, f.idle)
		}
	}
}

// TestDensely pins down the test's own ruler.
func TestDensely(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	ends := []time.Time{at(0), at(4), at(8), at(20)}
	for _, tt := range []struct {
		from, to int
		want     bool
	}{{0, 4, true}, {0, 8, true}, {4, 8, true}, {4, 20, false}, {0, 20, false}, {8, 8, true}} {
		if got := densely(ends, at(tt.from), at(tt.to), 5*time.Second); got != tt.want {
			t.Errorf("from %d to %d: %t", tt.from, tt.to, got)
		}
	}
}
