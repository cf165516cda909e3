package integration

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// far is a collector at the end of a long way.
var far = otlpreceiver.Fault{Delay: 100 * time.Millisecond}

// windows are what leaves of 10,000 spans that are pending at SIGTERM, because the flush before it failed. Though the backend
// is taken for being down, all leaves at once: one round trip. There is time for 430 ms, or 230 ms beside an external
// extension.
var windows = []struct {
	name   string
	beside bool     // an external extension
	env    []string // beside the defaults
	took   time.Duration
}{
	{name: "defaults", took: 100 * time.Millisecond},
	{name: "defaults, beside an external extension", beside: true, took: 100 * time.Millisecond},
	{name: "batches of a service", env: batchesOfAService, took: 100 * time.Millisecond},
	{name: "batches of a service, beside an external extension", beside: true, env: batchesOfAService, took: 100 * time.Millisecond},
}

const pendingSpans = 10_000

// batchesOfAService are the specification's default, which makes 20 requests of 10,000 spans; those of a function, 5.
var batchesOfAService = []string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=512"}

// What is pending at SIGTERM leaves in few round trips, so that it arrives before SIGKILL comes.
func TestWindow(t *testing.T) {
	for _, w := range windows {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			sc := scenario{
				main: "crowd", config: lambdatest.Config{MemorySize: 1024}, env: slices.Clone(w.env),
				drive: func(r *run) {
					r.collector(hanging)
					c := crowded(crowdEvent{Spans: pendingSpans - 1}).heldAtMost(flushTimeout)
					c.early = true // half of the buffer is full before the end
					r.send(c)
					r.collector(far)
					r.shutdown()
					r.compareEnd(w.took)
				},
			}
			if w.beside {
				sc.config.ExternalExtensions = []lambdatest.ExternalExtension{{Name: "neighbour"}}
				sc.env = append(sc.env, extensionsDir+"="+neighbour(t))
			}
			inMemory(t, sc)
		})
	}
}

// neighbour is a folder with the file of an external extension.
func neighbour(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "neighbour"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compareEnd compares how long the process took from SIGTERM to its exit.
func (r *run) compareEnd(want time.Duration) {
	r.Helper()
	var sigterm, exit eventlog.Event
	for _, e := range r.log.Events() {
		switch e.Kind {
		case lambdatest.KindSigterm:
			sigterm = e
		case lambdatest.KindProcessExit:
			exit = e
		}
	}
	if got := exit.At.Sub(sigterm.At); got != want {
		r.Errorf("the process ended %s after SIGTERM; want %s", got, want)
	}
	largest, requests := 0, 0
	for _, req := range r.receiver.Requests() {
		largest = max(largest, req.Size)
		if !req.Begun.Before(sigterm.At) {
			requests++
		}
	}
	r.Logf("%d spans arrived in %d requests of at most %d bytes", len(r.receiver.Spans()), requests, largest)
}
