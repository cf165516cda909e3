package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	outageInvocations = 1000
	outageSpans       = 5    // of each
	smallestBuffer    = 2048 // of a function
)

// outages are ways to be away, and what that may cost an invocation on average: a hang of the collector the first its
// flush timeout and a look of each probe, else the attempts of the first half a second and no time after that.
var outages = []struct {
	name  string
	fault otlpreceiver.Fault
	apart time.Duration
	hold  time.Duration
}{
	{"hangs", hanging, 10 * time.Millisecond, 3475 * time.Microsecond},
	{"hangs", hanging, 100 * time.Millisecond, 3675 * time.Microsecond},
	{"hangs", hanging, time.Second, 6375 * time.Microsecond}, // 2000 of which are the first look
	{"refuses with 503", refusing, 100 * time.Millisecond, 600 * time.Microsecond},
	{"cuts connections", cutting, 100 * time.Millisecond, 600 * time.Microsecond},
}

var cutting = otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore}

// While the collector is away its spans wait, as many as the buffer holds, and when it is back the first flush that
// probes delivers them, once. Meanwhile invocations are held for hardly anything: the first for its flush timeout if the
// collector hangs, all others together for less than 5 ms each.
func TestOutage(t *testing.T) {
	for _, away := range outages {
		t.Run(fmt.Sprintf("%s, %s apart", away.name, away.apart), func(t *testing.T) {
			t.Parallel()
			inMemory(t, outage(away.fault, away.apart, away.hold))
		})
	}
}

func outage(fault otlpreceiver.Fault, apart, hold time.Duration) scenario {
	const ended = outageInvocations*outageSpans + 1
	return scenario{main: "crowd", permit: permit{lost: ended - smallestBuffer}, drive: func(r *run) {
		r.collector(fault)
		for range outageInvocations {
			c := crowded(crowdEvent{Spans: outageSpans - 1}).heldAtMost(flushTimeout)
			c.early = true // once half of the buffer is full
			r.send(c)
			r.freeze(apart)
		}
		if n := len(r.receiver.Spans()); n != 0 {
			r.Errorf("%d spans arrived during the outage", n)
		}
		r.compareCost(hold)
		r.collector(well)
		r.freeze(time.Minute) // the longest pause
		r.send(crowded(crowdEvent{}).heldAtMost(time.Second))
		r.compareArrived(smallestBuffer)
		r.shutdown()
	}}
}

// compareCost compares what the invocations so far have cost on average with the most that they may.
func (r *run) compareCost(hold time.Duration) {
	r.Helper()
	reports := lambdatest.Invocations(r.log.Events())
	most, total := time.Duration(0), time.Duration(0)
	for _, report := range reports {
		most = max(most, report.AfterResponse)
		total += report.AfterResponse
	}
	mean := total / time.Duration(len(reports))
	r.Logf("%d invocations held for at most %s after their response, %s on average, by %d requests",
		len(reports), most, mean, len(r.receiver.Requests()))
	if len(reports) != outageInvocations || mean > hold {
		r.Errorf("%d invocations were held for %s on average; want at most %s", len(reports), mean, hold)
	}
}

// compareArrived compares how many different spans have arrived by now.
func (r *run) compareArrived(want int) {
	r.Helper()
	if got := len(r.receiver.Spans()) - r.receiver.Duplicates(); got != want {
		r.Errorf("%d spans have arrived; want %d", got, want)
	}
}
