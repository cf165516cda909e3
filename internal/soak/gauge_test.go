package soak

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// gauges are figures of this process that have to stay flat over a run: its functions in memory live in it.
type gauges struct {
	last    int // invocation at which a sample was taken
	resting []int
	heap    []int
	running []int
	highest int // of all that could have been in running
}

const (
	// runningEvery is how often the goroutines of an idle process are kept: the samples must not fill the heap.
	runningEvery = 25
	// enoughRunning samples are of many platforms. Of few platforms one may have more goroutines than another.
	enoughRunning = 500
	// mostRunning bounds the goroutines of an idle process and all that belongs to it: two connections to the platform, up
	// to eight idle ones to the backend, each with goroutines at both ends, the agent and the runtime's loop.
	mostRunning = 80
)

// sample is called when no process exists. It takes a sample if the last one is so many invocations ago.
func (g *gauges) sample(invocation, every int) {
	if invocation-g.last < every {
		return
	}
	g.last = invocation
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	g.heap = append(g.heap, int(memory.HeapAlloc))
	g.resting = append(g.resting, runtime.NumGoroutine())
}

// watch is called with an idle process.
func (g *gauges) watch(invocation int) {
	n := runtime.NumGoroutine()
	g.highest = max(g.highest, n)
	if invocation%runningEvery == 0 {
		g.running = append(g.running, n)
	}
}

// check compares the last tenth of each with the first.
func (g *gauges) check(v *virtualRun) {
	v.Helper()
	if lowest, highest := slices.Min(g.resting), slices.Max(g.resting); lowest != highest {
		v.Errorf("goroutines without a process: %d to %d; want always the same", lowest, highest)
	}
	if g.highest > mostRunning {
		v.Errorf("goroutines with an idle process: up to %d; at most %d", g.highest, mostRunning)
	}
	if first, last := firstAndLastTenth(g.running); len(g.running) >= enoughRunning && last > first+2 {
		v.Errorf("goroutines with an idle process: %d at first, %d at last", first, last)
	}
	if first, last := firstAndLastTenth(g.heap); last > first+first/5+256<<10 {
		v.Errorf("heap: %d bytes at first, %d at last", first, last)
	}
}

func (g *gauges) String() string {
	var b strings.Builder
	for _, part := range []struct {
		name    string
		samples []int
	}{
		{"goroutines without a process", g.resting},
		{"goroutines with an idle process", g.running},
		{"bytes of heap without a process", g.heap},
	} {
		first, last := firstAndLastTenth(part.samples)
		fmt.Fprintf(&b, "%s: %d to %d in %d samples, median of the first tenth %d, of the last %d\n",
			part.name, slices.Min(part.samples), slices.Max(part.samples), len(part.samples), first, last)
	}
	return b.String()
}

// firstAndLastTenth are the medians of the first and the last tenth of samples.
func firstAndLastTenth(samples []int) (first, last int) {
	n := max(len(samples)/10, 1)
	return median(samples[:n]), median(samples[len(samples)-n:])
}

func median(samples []int) int {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
