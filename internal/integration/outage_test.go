package integration

import (
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// outages are ways to be away, and how many spans each of 100 invocations ends meanwhile: together fewer than the
// smallest buffer of a function holds, which is 2,048.
var outages = []struct {
	name  string
	fault otlpreceiver.Fault
	each  int
}{
	{"hangs", hanging, 20}, // more than half of the buffer
	{"refuses with 503", refusing, 5},
}

// While the collector is away its spans wait, and when it is back they arrive, once. Each invocation meanwhile costs what
// the log of this test says, which is not a promise; that it is at most the flush timeout is.
func TestOutage(t *testing.T) {
	for _, away := range outages {
		t.Run(away.name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, scenario{main: "crowd", drive: func(r *run) {
				const invocations = 100
				r.collector(away.fault)
				for range invocations {
					c := crowded(crowdEvent{Spans: away.each - 1}).heldAtMost(flushTimeout)
					c.early = true // once half of the buffer is full
					r.send(c)
				}
				if n := len(r.receiver.Spans()); n != 0 {
					r.Errorf("%d spans arrived during the outage", n)
				}
				r.noteCost()
				r.collector(well)
				r.send(crowded(crowdEvent{}).heldAtMost(time.Second))
				r.compareArrived(invocations*away.each + 1)
				r.shutdown()
			}})
		})
	}
}

// noteCost writes down what the invocations so far have cost.
func (r *run) noteCost() {
	reports := lambdatest.Invocations(r.log.Events())
	least, most, total := time.Hour, time.Duration(0), time.Duration(0)
	for _, report := range reports {
		least, most = min(least, report.AfterResponse), max(most, report.AfterResponse)
		total += report.AfterResponse
	}
	r.Logf("%d invocations held for %s to %s after their response, %s on average, by %d requests",
		len(reports), least, most, total/time.Duration(len(reports)), len(r.receiver.Requests()))
}

// compareArrived compares how many different spans have arrived by now.
func (r *run) compareArrived(want int) {
	r.Helper()
	if got := len(r.receiver.Spans()) - r.receiver.Duplicates(); got != want {
		r.Errorf("%d spans have arrived; want %d", got, want)
	}
}
