package integration

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	pendingSpans   = 10_000
	pendingRecords = 10_000
	pendingSeries  = 500 // of a counter and of a histogram: 1,000 data points
	roundTrip      = 100 * ms
)

// pendingItems is a call that emits all of them.
var pendingItems = but(many(pendingSpans-3), func(c *call) {
	c.Payload = command{Do: "ok", Spans: pendingSpans - 3, Logs: pendingRecords - 1, Series: pendingSeries - 1, Pause: handlerTime}.Payload()
})

// serviceBatches is the specification's default, which makes 20 requests of 10,000 spans; that of a function makes 5.
const serviceBatches = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=512"

// 10,000 spans, 10,000 log records and 1,000 data points are pending at SIGTERM, because the flush before it failed. All of
// them are delivered in one round trip, although the breaker is open. There is time for 430 ms, or 230 ms with an external extension.
func TestWindow(t *testing.T) {
	for _, w := range []struct {
		name     string
		external bool // an external extension
		env      []string
		trips    int // of more than 32 requests, some wait
	}{
		{name: "defaults", trips: 1},
		{name: "defaults, external extension", external: true, trips: 1},
		{name: "batches of a service", env: []string{serviceBatches}, trips: 2},
		{name: "batches of a service, external extension", external: true, env: []string{serviceBatches}, trips: 2},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			sc := scenario{
				Config: lambdatest.Config{MemorySize: 1024}, Env: append(slices.Clone(w.env), "OTEL_BLRP_MAX_QUEUE_SIZE=20000"),
				Steps: steps(
					backend(hanging), invoke(early(heldAtMost(pendingItems, flushTimeout))), // half the queue is full before
					backend(fault{Delay: roundTrip}), shutdown, endedWithin(time.Duration(w.trips)*roundTrip)),
			}
			if w.external {
				withExternalExtension(t, &sc)
			}
			inMemory(t, sc)
		})
	}
}

// withExternalExtension adds one, with its file in the folder that stands for /opt/extensions.
func withExternalExtension(t *testing.T, sc *scenario) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "external"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sc.Config.ExternalExtensions = []lambdatest.ExternalExtension{{Name: "external"}}
	sc.Env = append(sc.Env, harness.ExtensionsDir+"="+dir)
}

// endedWithin compares the time from SIGTERM to the exit of the process.
func endedWithin(most time.Duration) step {
	return func(r *run) {
		ev := r.Events()
		sigterm := ev.Next(-1, harness.Of(lambdatest.KindSigterm))
		if exit := ev.Next(sigterm.Seq, harness.Of(lambdatest.KindProcessExit)); exit == nil || exit.At.Sub(sigterm.At) > most {
			r.Errorf("the process ended %v; want it at most %s after %v", exit, most, sigterm)
		}
	}
}
