package integration

import (
	"testing"
	"time"
)

// What goroutines end that a handler has left behind leaves with the next flush: that of the next invocation, or of
// SIGTERM.
func TestStragglersInMemory(t *testing.T) {
	t.Parallel()
	inMemory(t, scenario{main: "crowd", drive: func(r *run) {
		r.send(crowded(crowdEvent{Left: []time.Duration{
			handlerTime / 2,                 // before the response
			handlerTime + collectorTime/2,   // during the flush, which has begun without it
			hour / 2,                        // in the freeze
			hour + handlerTime,              // in the handler of the next invocation
			hour + hour/2, 1000 * time.Hour, // in the next freeze, never
		}}))
		r.compareArrived(2)
		r.freeze(hour)
		r.send(crowded(crowdEvent{}))
		r.compareArrived(6)
		r.freeze(hour)
		r.calls[0].flagged = 1 // the last, ended by the shutdown
		r.shutdown()
		r.compareArrived(8)
	}})
}

// The same where the process is stopped for good, its goroutines included.
func TestStragglersWithAChild(t *testing.T) {
	t.Parallel()
	asChild(t, scenario{main: "crowd", drive: func(r *run) {
		left := crowdEvent{Left: []time.Duration{handlerTime + collectorTime, 3 * handlerTime, 5 * handlerTime}}
		r.send(crowded(left))
		r.freeze(hour)
		for len(r.story().EndedSpans()) < len(r.calls)+len(left.Left) {
			r.send(crowded(crowdEvent{}))
		}
		r.shutdown()
	}})
}
