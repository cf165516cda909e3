package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	outageInvocations = 1000
	outageSpans       = 5    // of each
	smallestQueue     = 2048 // of a function
)

// During an outage spans wait, as many as the queue holds. When the backend is back, the first probe delivers them, once.
// Meanwhile the first invocation is held for its flush timeout at most, and all others for less than 5 ms on average.
func TestOutage(t *testing.T) {
	for _, o := range []struct {
		name        string
		fault       fault
		apart, mean time.Duration // mean: the most that an invocation is held, the first included
	}{
		{"hangs", hanging, 10 * ms, 3475 * time.Microsecond},
		{"hangs", hanging, 100 * ms, 3675 * time.Microsecond},
		{"hangs", hanging, time.Second, 6375 * time.Microsecond}, // 2,000 of which are the first flush
		{"unavailable", unavailable, 100 * ms, 600 * time.Microsecond},
		{"cuts connections", cutting, 100 * ms, 600 * time.Microsecond},
	} {
		t.Run(fmt.Sprintf("%s, %s apart", o.name, o.apart), func(t *testing.T) {
			t.Parallel()
			inMemory(t, outage(o.fault, o.apart, o.mean))
		})
	}
}

func outage(f fault, apart, mean time.Duration) scenario {
	const ended = outageInvocations*outageSpans + 1 + 2 // with the initialization and the invocation after the outage
	return scenario{Allow: allow{Lost: ended - smallestQueue}, Steps: steps(
		backend(f),
		// Once the queue is half full, an export begins before the response.
		repeat(outageInvocations, invoke(early(heldAtMost(many(outageSpans-2), flushTimeout))), freeze(apart)),
		harness.Arrived(0), cost(mean),
		backend(up), freeze(time.Minute), // the longest pause
		invoke(heldAtMost(ok, time.Second)), harness.Arrived(smallestQueue), shutdown)}
}

// cost compares how long the invocations so far were held on average.
func cost(most time.Duration) step {
	return func(r *run) {
		reports, total := lambdatest.Invocations(r.Log.Events()), time.Duration(0)
		for _, report := range reports {
			total += report.AfterResponse
		}
		if mean := total / time.Duration(len(reports)); len(reports) != outageInvocations || mean > most {
			r.Errorf("%d invocations were held for %s on average; want at most %s", len(reports), mean, most)
		}
	}
}
