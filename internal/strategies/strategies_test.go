package strategies

import (
	"slices"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// strategies are the values of EPILOGUE_FLUSH_STRATEGY that are compared. The first is what the others are compared with.
var strategies = []string{"end", "periodic", "adaptive"}

// Every strategy serves every pattern, keeps its promises, and has the figures that the document says.
func TestStrategies(t *testing.T) {
	found := make(map[string][]figures) // by pattern, in the order of the strategies
	for _, p := range patterns {
		for _, strategy := range strategies {
			f := run(t, strategy, p)
			found[p.name] = append(found[p.name], f)
			if f.ended != 2*len(p.times) || f.lost != 0 {
				t.Errorf("%s, %s: of %d spans %d are lost; want %d and none", p.name, strategy, f.ended, f.lost, 2*len(p.times))
			}
		}
		checkEnd(t, p, found[p.name][0])
		checkAdaptive(t, p, found[p.name])
	}
	text := render(found)
	if *update {
		if err := document.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	documented, err := document.Read()
	if err != nil {
		t.Fatal(err)
	}
	if documented != text {
		t.Errorf("%s does not have these figures; if they are right, write them with -update:\n%s", document.Path, text)
	}
}

// checkEnd: every invocation pays one round trip, and no span waits for longer.
func checkEnd(t *testing.T, p arrivals, f figures) {
	t.Helper()
	n := len(p.times)
	if f.flushes != n || f.after != time.Duration(n)*harness.BackendTime || slices.Max(f.waits) != harness.BackendTime || f.left+f.waiting != 0 {
		t.Errorf("%s, end: %d flushes in %v for %d invocations, the longest wait %v, %d waited in a freeze",
			p.name, f.flushes, f.after, n, slices.Max(f.waits), f.waiting)
	}
}

// checkAdaptive: in thin traffic it is the strategy end. In steady and dense traffic it costs at most a quarter of end, and
// in traffic that is thin at times three tenths. In dense traffic no span waits for longer than the period.
func checkAdaptive(t *testing.T, p arrivals, found []figures) {
	t.Helper()
	end, f := found[0], found[slices.Index(strategies, "adaptive")]
	if f.late > 0 {
		t.Errorf("%s, adaptive: %d spans waited for longer than the period in dense traffic", p.name, f.late)
	}
	switch p.name {
	case "1 in 10 minutes":
		if f.after != end.after || slices.Max(f.waits) != harness.BackendTime {
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

// An invocation without a sampled span costs neither a request nor time.
func TestNothingSampledIsNotHeld(t *testing.T) {
	for _, strategy := range strategies {
		p := arrivals{times: steadily(time.Second, 30)}
		f := run(t, strategy, p, "OTEL_TRACES_SAMPLER=always_off")
		if f.after != 0 || f.flushes != 0 || f.idle != len(p.times) || f.ended != 0 {
			t.Errorf("%s: held for %v after %d responses, %d flushes, %d skipped", strategy, f.after, len(p.times), f.flushes, f.idle)
		}
	}
}
