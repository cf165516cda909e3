package soak

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	lognoop "go.opentelemetry.io/otel/log/noop"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/harness"
)

var (
	seedFlag        = flag.Uint64("seed", 0, "of a run; 0 runs with seed 1 and with a random one")
	invocationsFlag = flag.Int("invocations", 1500, "of each run")
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of all functions
	goleak.VerifyTestMain(m)
}

// TestSoak makes invocations in one random environment after the other. Memory and goroutines stay flat.
func TestSoak(t *testing.T) {
	seeds := []uint64{*seedFlag}
	if *seedFlag == 0 {
		seeds = []uint64{1, rand.Uint64N(1 << 32)}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			began, sum, extensions := time.Now(), new(summary), t.TempDir()
			if err := writeExtension(extensions); err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(seed, seed))
			for sampled := 0; sum.invocations < *invocationsFlag && !t.Failed(); {
				runEnvironment(t, random, extensions, sum)
				if sum.invocations-sampled >= max(*invocationsFlag/100, 1) {
					sampled = sum.invocations
					sum.sample()
				}
			}
			sum.check(t)
			t.Logf("seed %d in %s: %v", seed, time.Since(began).Round(time.Millisecond), sum)
		})
	}
}

func runEnvironment(t *testing.T, random *rand.Rand, extensions string, sum *summary) {
	t.Helper()
	e := newEnvironment(random, extensions, sum)
	harness.InMemory(t, e.scenario())
	if t.Failed() {
		t.Logf("repeat it with -args, the seed and -invocations %d\nbackend: %v\nplatform: %v\ncalls: %v",
			sum.invocations, e.mode, e.platform, e.calls)
	}
}

// summary is what a run has seen.
type summary struct {
	invocations, processes, spans, lost int
	records, measured                   int
	deferred                            int // steps with a deferred flush
	virtual                             time.Duration
	goroutines, heap                    []int // without a process
}

// sample is called when no process exists.
func (s *summary) sample() {
	otel.SetTracerProvider(noop.NewTracerProvider()) // those of the last process hold its log
	otel.SetMeterProvider(metricnoop.NewMeterProvider())
	otel.SetLoggerProvider(lognoop.NewLoggerProvider())
	runtime.GC()
	runtime.GC() // the first leaves the contents of pools
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.heap = append(s.heap, int(memory.HeapAlloc)) //nolint:gosec // bytes of a small heap
	s.goroutines = append(s.goroutines, runtime.NumGoroutine())
}

// heaps are the medians of the first and the last tenth.
func (s *summary) heaps() (first, last int) {
	n := max(len(s.heap)/10, 1)
	median := func(samples []int) int { return slices.Sorted(slices.Values(samples))[len(samples)/2] }
	return median(s.heap[:n]), median(s.heap[len(s.heap)-n:])
}

func (s *summary) check(t *testing.T) {
	t.Helper()
	if len(s.heap) == 0 {
		return
	}
	if least, most := slices.Min(s.goroutines), slices.Max(s.goroutines); least != most {
		t.Errorf("goroutines without a process: %d to %d; want always the same", least, most)
	}
	if first, last := s.heaps(); last > first+first/5+256<<10 {
		t.Errorf("heap: %d bytes at first, %d at last", first, last)
	}
}

func (s *summary) String() string {
	first, last := s.heaps()
	return fmt.Sprintf("%d invocations, %d processes, %d spans ended, %d lost with their process, %d log records, %d measurements; flushes were deferred in %d steps; "+
		"%s went by; %d goroutines without a process; bytes of heap: %d at first, %d at last",
		s.invocations, s.processes, s.spans, s.lost, s.records, s.measured, s.deferred, s.virtual.Round(time.Hour), s.goroutines[0], first, last)
}
