package integration

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// hedgeTime is half of the time of a flush that begins with the shutdown: then a request that hangs is made once more.
const hedgeTime = 215 * ms

// signals are the ends of an environment, besides the timeouts and shutdowns of all other scenarios.
var signals = []scenario{
	{
		Name: "SIGTERM before any span is delivered",
		Steps: steps(
			backend(fault{Status: http.StatusServiceUnavailable, RetryAfter: "60"}), invoke(held(ok, 0), held(fails, 0)),
			backend(up), shutdown),
	},
	{
		Name:  "SIGTERM while the backend hangs",
		Allow: allow{Lost: 3, LostRecords: 1, LostMeasurements: 1},
		Logs:  []string{"graceful shutdown completed, but not everything was delivered"},
		Steps: steps(backend(hanging), invoke(held(ok, flushTimeout)), shutdown),
	},
	{
		Name: "SIGTERM during the handler",
		Steps: steps(
			invoke(ok), interrupt(interrupted, syscall.SIGTERM), invoke(ok), shutdown),
	},
	{
		Name:  "SIGINT during the handler",
		Steps: steps(interrupt(interrupted, syscall.SIGINT), invoke(ok), shutdown),
	},
	{
		Name: "SIGTERM when the handler returns at its deadline",
		Steps: steps(
			invoke(ok),
			backend(fault{Delay: 50 * ms}), invoke(returnsAtDeadline), // the refused error would end the process meanwhile
			backend(up), invoke(ok), shutdown),
	},
	{
		Name: "SIGTERM during a flush",
		Steps: steps(
			// Another round trip is for the last collection of the metrics.
			backend(fault{Delay: 100 * ms}), interrupt(held(ok, 2*100*ms), syscall.SIGTERM)),
	},
	{
		Name: "SIGTERM during a flush that hangs",
		Steps: steps(
			// The spans are hedged then. The log record is sent again after a pause.
			next(hanging), interrupt(heldAtMost(ok, hedgeTime+60*ms+backendTime), syscall.SIGTERM)),
	},
	{
		Name: "SIGTERM while frozen",
		Steps: steps(
			invoke(ok), freeze(hour), invoke(ok), freeze(14*24*time.Hour), shutdown),
	},
}

func interrupt(c call, sig syscall.Signal) step { return harness.Interrupt(c, sig, 0) }

// A round trip longer than the time of the last ForceFlush does not lose the request: Shutdown waits for it as well.
func TestRoundTripAsLongAsTheWindow(t *testing.T) {
	t.Parallel()
	inMemory(t, scenario{Steps: steps(
		backend(hanging), invoke(held(ok, flushTimeout)), backend(fault{Delay: 410 * ms}), shutdown)})
}

// A flush that has gone on for longer than the window when SIGTERM comes is not replaced by another: a request that is
// slow ends in time, and one that hangs is made once more at once.
func TestFlushUnderWayAtSigterm(t *testing.T) {
	t.Parallel()
	const since = 450 * ms
	for _, tt := range []struct {
		name        string
		first, then fault
		took        time.Duration // from SIGTERM to the end of the process, at most
	}{
		{"slow", fault{Delay: 700 * ms}, fault{Delay: 700 * ms}, 430 * ms}, // the last collection has no time to arrive
		{"hangs", hanging, up, 30*ms + 2*backendTime},                      // a pause and an answer for the log record, an answer for the last collection
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, scenario{Steps: steps(
				backend(tt.then), next(tt.first), harness.Interrupt(heldAtMost(ok, since+tt.took), syscall.SIGTERM, since))})
		})
	}
}
