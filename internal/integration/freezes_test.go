package integration

import (
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// everyTenth is how often a request is kept and its connection cut before the answer: what is then sent again is there
// twice, and nothing else is.
const everyTenth = 10

// manyFreezes are cycles of an invocation and a freeze of d, in which all connections to the collector end, by turns
// in an orderly way and with a reset.
func manyFreezes(cycles int, d time.Duration) scenario {
	return scenario{
		permit: permit{twice: true},
		drive: func(r *run) {
			for i := range cycles {
				c := succeeds
				if i%everyTenth == everyTenth-1 {
					r.receiver.FailNext(otlpreceiver.Fault{Delay: collectorTime, Cut: otlpreceiver.AfterStore})
					c = c.heldAtMost(time.Second)
				}
				r.send(c)
				if i%2 == 0 {
					r.door.hangUp()
				} else {
					r.receiver.CutConnections()
				}
				r.freeze(d)
			}
			r.shutdown()
			r.compareDuplicates(cycles / everyTenth * succeeds.spans)
		},
	}
}

// compareDuplicates compares how many spans arrived more than once. Each has to have arrived first in a request whose
// client was not told.
func (r *run) compareDuplicates(want int) {
	r.Helper()
	requests, brought := r.receiver.Requests(), make(map[string]int)
	for _, span := range r.receiver.Spans() {
		if first := brought[span.SpanID]; first != 0 && requests[first-1].Status != 0 {
			r.Errorf("span %s %q arrived with request %d, which was answered, and again with %d",
				span.SpanID, span.Name, first, span.Request)
		}
		brought[span.SpanID] = span.Request
	}
	if got := r.receiver.Duplicates(); got != want {
		r.Errorf("%d spans arrived more than once; want %d", got, want)
	}
	r.Logf("%d spans in %d requests, %d of them twice", len(brought), len(requests), r.receiver.Duplicates())
}

// Nothing is lost in a freeze, however often: a connection that died in it is no loss, and its spans are not sent twice.
func TestManyFreezesInMemory(t *testing.T) {
	for _, m := range []struct {
		name   string
		cycles int
		freeze time.Duration
	}{
		{"of an hour", 1000, time.Hour},           // no connection is used again
		{"of ten seconds", 200, 10 * time.Second}, // each would be, had it not ended
	} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); inMemory(t, manyFreezes(m.cycles, m.freeze)) })
	}
}

func TestManyFreezesWithAChild(t *testing.T) {
	t.Parallel()
	asChild(t, manyFreezes(150, 0))
}
