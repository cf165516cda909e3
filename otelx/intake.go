package otelx

import (
	"sort"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// edge tells what spans have changed that an export may have to begin for.
type edge int

const (
	noEdge     edge = iota
	becameUsed      // the first span waits
	becameHalf      // half of the bound waits, or it still does after another batch's worth of spans
)

// leastStarts is how many spans start at least before who starts one has to look. With few it would look all the time.
const leastStarts = 64

// expect takes in a span that has started. It is open, if it is sampled and the bound lets it be known, until it is added.
// Nothing else is done when it ends; so it is held in memory until somebody looks, or half of the bound have started since.
func (q *queue) expect(s sdktrace.ReadWriteSpan) {
	if q.lanes.start(s) {
		q.lock()
		defer q.unlock()
	}
}

// openSpans returns what is open, oldest first. It asks the spans when they started, so the lock is not held by then.
func (q *queue) openSpans() []sdktrace.ReadWriteSpan {
	q.lock()
	known := q.open.list()
	q.unlock()
	sort.Sort(oldestFirst(known))
	spans := make([]sdktrace.ReadWriteSpan, len(known))
	for i := range known {
		spans[i] = known[i].span
	}
	return spans
}

// add takes in s, if it is sampled, dropping the oldest waiting span if the queue is full; if all of them are being
// sent, s itself is dropped. It may be told of an edge in the place of another add, but none is told of twice.
func (q *queue) add(s sdktrace.ReadOnlySpan) edge {
	if !q.lanes.end(s) {
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

// lock takes the lock and sees to what has come: what has started is open, and what has ended waits to be exported.
func (q *queue) lock() {
	q.guard.Lock()
	if !q.lanes.take() {
		return
	}
	q.open.mark()
	for s := range q.lanes.starts {
		q.open.add(s)
	}
	for s := range q.lanes.ends {
		if sc := s.SpanContext(); sc.IsSampled() {
			q.open.remove(sc)
			q.told = max(q.told, q.accept(s))
		}
	}
	q.open.trim()
	q.lanes.letGo()
}

// unlock releases the lock. What an export has changed may put an edge behind spans that have come meanwhile: they are
// looked at when it ends.
func (q *queue) unlock() {
	q.lanes.await(max(q.bound/2, leastStarts), q.ahead())
	q.guard.Unlock()
}

// ahead returns which of the spans to come is the first that could reach an edge, or be one more than there is slack for.
func (q *queue) ahead() int {
	room := q.bound - q.waits - q.flies + q.slack
	switch {
	case q.closed || q.waits == 0:
		return 1
	case q.waits < q.enough():
		return min(q.enough()-q.waits, room)
	}
	return min(q.batchSize-int(q.next%uint64(q.batchSize)), room) //nolint:gosec // below batchSize
}
