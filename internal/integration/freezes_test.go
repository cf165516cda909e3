package integration

import (
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// everyTenth request is kept, and its connection cut before the answer: its spans arrive twice, and no others do.
const everyTenth = 10

// manyFreezes are cycles of an invocation and a freeze of d. In the freeze all connections to the backend end, in turn in
// an orderly way and with a reset.
func manyFreezes(cycles int, d time.Duration) scenario {
	lostAnswer := fault{Delay: backendTime, Cut: otlpreceiver.AfterStore}
	close := step(harness.CloseConnections)
	two := []step{invoke(ok), close, freeze(d), invoke(ok), cut, freeze(d)}
	last := []step{invoke(ok), close, freeze(d), next(lostAnswer), invoke(heldAtMost(ok, time.Second)), cut, freeze(d)}
	ten := step(func(r *run) {
		repeat(everyTenth/2-1, two...)(r)
		repeat(1, last...)(r)
	})
	return scenario{
		Allow: allow{Twice: true},
		Steps: steps(repeat(cycles/everyTenth, ten), shutdown, duplicates(cycles/everyTenth*ok.Spans)),
	}
}

// duplicates compares how many spans arrived more than once. Each has to have arrived first in a request whose client got
// no answer.
func duplicates(want int) step {
	return func(r *run) {
		requests, brought := r.Receiver.Requests(), make(map[string]int)
		for _, span := range r.Receiver.Spans() {
			if first := brought[span.SpanID]; first != 0 && requests[first-1].Status != 0 {
				r.Errorf("span %s %q arrived with request %d, which was answered, and again with %d",
					span.SpanID, span.Name, first, span.Request)
			}
			brought[span.SpanID] = span.Request
		}
		if got := r.Receiver.Duplicates(); got != want {
			r.Errorf("%d spans arrived more than once; want %d", got, want)
		}
	}
}

// Nothing is lost in a freeze, however often: a connection that died in it loses nothing, and its spans are not sent twice.
func TestManyFreezesInMemory(t *testing.T) {
	for _, m := range []struct {
		name   string
		cycles int
		freeze time.Duration
	}{
		{"of an hour", 1000, time.Hour},           // no connection is used again
		{"of ten seconds", 200, 10 * time.Second}, // each would be used again
	} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); inMemory(t, manyFreezes(m.cycles, m.freeze)) })
	}
}
