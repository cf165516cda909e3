package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// The caller of a function that panics waits for the flush before the exit. With a backend that hangs that is the flush
// timeout in a process that does not know of the outage yet, and 250 ms after a flush that has failed. The spill follows.
func TestPanicsInAnOutage(t *testing.T) {
	for known, waits := range map[int]time.Duration{0: flushTimeout, 1: 250 * ms, 3: 250 * ms} {
		t.Run(fmt.Sprintf("after %d failed flushes", known), func(t *testing.T) {
			t.Parallel()
			spans := 3 + 2*known
			inMemory(t, scenario{
				Main: spillingFunction, Allow: lost(spans, 1+known),
				Steps: steps(
					backend(hanging), repeat(known, invoke(heldAtMost(ok, flushTimeout))),
					harness.InvokeToExit(posted(panics, handlerTime+waits)), spilled(spans, 1+known)),
			})
		})
	}
}
