package integration

import (
	"fmt"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// exitFlush is the most that a panic waits for its flush if the circuit breaker is not closed.
const exitFlush = 250 * ms

// The caller of a function that panics waits for the flush before the exit. With a backend that hangs that is the flush
// timeout in a process that does not know of the outage yet, and exitFlush after a flush that has failed. The spill follows.
func TestPanicsInAnOutage(t *testing.T) {
	for _, known := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("after %d failed flushes", known), func(t *testing.T) {
			t.Parallel()
			waits, spans := flushTimeout, 3+2*known
			if known > 0 {
				waits = exitFlush
			}
			inMemory(t, scenario{
				Main: spillingFunction, Allow: allow{Lost: spans},
				Steps: steps(
					backend(hanging),
					repeat(known, invoke(heldAtMost(ok, flushTimeout))),
					harness.InvokeToExit(posted(panics, handlerTime+waits)),
					readable, func(r *run) {
						if lines := r.Events().Lines(fmt.Sprintf(`"spilled":%d}`, spans)); len(lines) != 1 {
							r.Errorf("%d lines say that %d spans were spilled", len(lines), spans)
						}
					}),
			})
		})
	}
}
