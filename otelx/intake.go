package otelx

import sdktrace "go.opentelemetry.io/otel/sdk/trace"

// edge tells what spans have changed that an export may have to begin for.
type edge int

const (
	noEdge     edge = iota
	becameUsed      // the first span waits
	becameHalf      // half of the bound waits, or it still does after another batch's worth of spans
)

// add takes in s, if it is sampled, dropping the oldest waiting span if the queue is full; if all of them are being
// sent, s itself is dropped. It may be told of an edge in the place of another add, but none is told of twice.
func (q *queue) add(s sdktrace.ReadOnlySpan) edge {
	if !q.ended.put(s) {
		return noEdge
	}
	return q.look()
}

// look returns the highest edge that was reached since the last look, unless an export has undone it.
func (q *queue) look() edge {
	q.lock()
	defer q.unlock()
	e := q.told
	q.told = noEdge
	switch {
	case q.waits == 0:
		return noEdge
	case q.waits < q.enough():
		return min(e, becameUsed)
	}
	return e
}

// lock takes the lock and accepts what has come.
func (q *queue) lock() {
	q.guard.Lock()
	taken := q.ended.take()
	for _, s := range taken {
		if s.SpanContext().IsSampled() {
			q.told = max(q.told, q.accept(s))
		}
	}
	clear(taken)
}

// unlock releases the lock. What an export has changed may put an edge behind spans that have come meanwhile: they are
// looked at when it ends.
func (q *queue) unlock() {
	q.ended.await(q.ahead())
	q.guard.Unlock()
}

// ahead returns which of the spans to come is the first that could reach an edge, or be one too many.
func (q *queue) ahead() int {
	room := q.bound - q.waits - q.flies
	switch {
	case q.closed || q.waits == 0:
		return 1
	case q.waits < q.enough():
		return min(q.enough()-q.waits, room+1)
	}
	return min(q.batchSize-int(q.next%uint64(q.batchSize)), room+1) //nolint:gosec // below batchSize
}
