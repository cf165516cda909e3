package soak

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// childGauges are figures of a child that have to stay flat, one for each report.
type childGauges struct {
	goroutines, descriptors, resident, heap []int
}

// outagePending is from how many pending spans on the heap says nothing.
const outagePending = 20

// add takes a sample of a frozen process.
func (g *childGauges) add(r harness.Report) error {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.PID))
	if err != nil {
		return fmt.Errorf("count file descriptors: %w", err)
	}
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", r.PID))
	if err != nil {
		return fmt.Errorf("read resident memory: %w", err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return fmt.Errorf("read resident memory: %w", err)
	}
	g.goroutines = append(g.goroutines, r.Goroutines)
	g.descriptors = append(g.descriptors, len(fds))
	g.resident = append(g.resident, pages*os.Getpagesize())
	if r.Stats.Pending < outagePending {
		g.heap = append(g.heap, int(r.Heap)) //nolint:gosec // bytes of a small heap
	}
	return nil
}

// check compares the last quarter of each with the second: the first is for warming up. The heap may grow by the memory
// that the exporter keeps for the next requests (eight bodies of up to 1 MiB).
func (g *childGauges) check(t *testing.T) {
	t.Helper()
	for _, part := range []struct {
		name    string
		samples []int
		least   int // samples worth a comparison
		most    func(first int) int
	}{
		{"goroutines", g.goroutines, 20, func(first int) int { return first + 2 }},
		{"file descriptors", g.descriptors, 20, func(first int) int { return first + 2 }},
		{"bytes of heap", g.heap, 100, func(first int) int { return first + first/10 + 1<<20 }},
		{"bytes resident", g.resident, 1000, func(first int) int { return first + first/5 + 2<<20 }},
	} {
		if len(part.samples) < part.least {
			continue
		}
		if first, last := quarters(part.samples); last > part.most(first) {
			t.Errorf("%s: %d at first, %d at last; at most %d", part.name, first, last, part.most(first))
		}
	}
}

func (g *childGauges) String() string {
	var text strings.Builder
	for name, samples := range map[string][]int{
		"goroutines": g.goroutines, "file descriptors": g.descriptors, "bytes of heap": g.heap, "bytes resident": g.resident,
	} {
		if len(samples) > 0 {
			first, last := quarters(samples)
			fmt.Fprintf(&text, "%s: %d to %d in %d samples, median of the second quarter %d, of the last %d\n",
				name, slices.Min(samples), slices.Max(samples), len(samples), first, last)
		}
	}
	return text.String()
}

// quarters are the medians of the second and of the last quarter.
func quarters(samples []int) (second, last int) {
	n := max(len(samples)/4, 1)
	return median(samples[min(n, len(samples)-1):min(2*n, len(samples))]), median(samples[len(samples)-n:])
}
