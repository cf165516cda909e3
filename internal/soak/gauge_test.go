package soak

import (
	"fmt"
	"runtime"
	"slices"
)

// gauges are figures of this process that have to stay flat over a run: its functions in memory live in it.
type gauges struct {
	last          int // invocation at which a sample was taken
	resting, heap []int
	running       int // goroutines with an idle process, at most
}

// mostRunning bounds the goroutines of an idle process and all that belongs to it: two connections to the platform, up to
// eight idle ones to the backend, each with goroutines at both ends, the agent and the runtime's loop.
const mostRunning = 80

// sample is called when no process exists. It takes a sample if the last one is so many invocations ago.
func (g *gauges) sample(invocation, every int) {
	if invocation-g.last < every {
		return
	}
	g.last = invocation
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	g.heap = append(g.heap, int(memory.HeapAlloc)) //nolint:gosec // bytes of a small heap
	g.resting = append(g.resting, runtime.NumGoroutine())
}

// check compares the medians of the last tenth of the heap with the first.
func (g *gauges) check(v *virtualRun) {
	v.Helper()
	if lowest, highest := slices.Min(g.resting), slices.Max(g.resting); lowest != highest {
		v.Errorf("goroutines without a process: %d to %d; want always the same", lowest, highest)
	}
	if g.running > mostRunning {
		v.Errorf("goroutines with an idle process: up to %d; at most %d", g.running, mostRunning)
	}
	if first, last := g.heaps(); last > first+first/5+256<<10 {
		v.Errorf("heap: %d bytes at first, %d at last", first, last)
	}
}

func (g *gauges) String() string {
	first, last := g.heaps()
	return fmt.Sprintf("goroutines: %d without a process, up to %d with an idle one; bytes of heap: %d at first, %d at last",
		g.resting[0], g.running, first, last)
}

func (g *gauges) heaps() (first, last int) {
	n := max(len(g.heap)/10, 1)
	median := func(samples []int) int { return slices.Sorted(slices.Values(samples))[len(samples)/2] }
	return median(g.heap[:n]), median(g.heap[len(g.heap)-n:])
}
