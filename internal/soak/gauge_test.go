package soak

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// gauges are figures of this process that have to stay flat over a walk: its functions in memory live in it.
type gauges struct {
	last    int // invocation at which a sample was taken
	resting []int
	heap    []int
	running []int
	highest int // of all that could have been in running
}

// runningEvery is how often the goroutines of a process at rest are kept: the figures themselves must not fill the
// heap.
const runningEvery = 25

// mostRunning bounds the goroutines of a process at rest and all that belongs to it: two connections to the
// platform, up to eight idle ones to the collector, each with goroutines at both ends, the agent and the runtime's
// loop.
const mostRunning = 80

// due reports whether it is time for a sample.
func (g *gauges) due(invocation, every int) bool { return invocation-g.last >= every }

// sample is taken when no process is there.
func (g *gauges) sample(invocation int) {
	g.last = invocation
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	g.heap = append(g.heap, int(memory.HeapAlloc))
	g.resting = append(g.resting, runtime.NumGoroutine())
}

// watch is called with a process at rest.
func (g *gauges) watch(invocation int) {
	n := runtime.NumGoroutine()
	g.highest = max(g.highest, n)
	if invocation%runningEvery == 0 {
		g.running = append(g.running, n)
	}
}

// judge compares the last tenth of each with the first.
func (g *gauges) judge(w *walk) {
	w.Helper()
	if lowest, highest := slices.Min(g.resting), slices.Max(g.resting); lowest != highest {
		w.Errorf("goroutines with no process there: %d to %d; want always the same", lowest, highest)
	}
	if g.highest > mostRunning {
		w.Errorf("goroutines with a process at rest: up to %d; at most %d", g.highest, mostRunning)
	}
	if first, last := tenths(g.running); last > first+2 {
		w.Errorf("goroutines with a process at rest: %d at first, %d at last", first, last)
	}
	if first, last := tenths(g.heap); last > first+first/5+256<<10 {
		w.Errorf("heap: %d bytes at first, %d at last", first, last)
	}
}

func (g *gauges) String() string {
	var b strings.Builder
	for _, part := range []struct {
		name    string
		samples []int
	}{
		{"goroutines without a process", g.resting},
		{"goroutines with one at rest", g.running},
		{"bytes of heap without one", g.heap},
	} {
		first, last := tenths(part.samples)
		fmt.Fprintf(&b, "%s: %d to %d in %d samples, median of the first tenth %d, of the last %d\n",
			part.name, slices.Min(part.samples), slices.Max(part.samples), len(part.samples), first, last)
	}
	return b.String()
}

// tenths are the medians of the first and the last tenth of samples.
func tenths(samples []int) (first, last int) {
	n := max(len(samples)/10, 1)
	return median(samples[:n]), median(samples[len(samples)-n:])
}

func median(samples []int) int {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
