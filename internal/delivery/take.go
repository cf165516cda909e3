package delivery

import "slices"

// take hands a worker the first waiting batch of the task t; nil if there is none. The worker returns it with putBack.
func (q *Queue[T]) take(t task) parcel {
	q.mu.Lock()
	defer q.mu.Unlock()
	var b *batch[T]
	at := slices.IndexFunc(q.queued, func(b *batch[T]) bool { return b.matches(t) })
	switch {
	case at >= 0:
		b = q.queued[at]
		q.queued = slices.Delete(q.queued, at, at+1)
		q.fill(b, t)
	case q.current.matches(t):
		b = q.current
		q.current = q.newBatch()
	default:
		return nil
	}
	q.inFlight = append(q.inFlight, b)
	q.waiting -= len(b.live())
	q.sending += len(b.live())
	return &takenBatch[T]{queue: q, batch: b}
}

// fill moves younger waiting items into b, up to a full batch, so that the small batches of failed
// flushes leave in few requests. A batch that a custom exporter has failed stays alone: one of its items may be the
// reason.
func (q *Queue[T]) fill(b *batch[T], t task) {
	for b.failed.flush == 0 {
		next := q.front()
		n := min(q.stream.config.BatchSize-len(b.live()), len(next.live()))
		if n <= 0 || next.failed.flush > 0 || next.oldest() < b.newest() || !next.matches(t) {
			return
		}
		b.absorb(next, n)
		q.discardIfEmpty(next)
	}
}

// putBack takes b back from its worker. Its live items wait again, in the order of their numbers. Those that a custom
// exporter has failed wait behind all others.
func (q *Queue[T]) putBack(b *batch[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight = slices.DeleteFunc(q.inFlight, func(other *batch[T]) bool { return other == b })
	left := len(b.live())
	if left == 0 {
		q.recycle(b)
		return
	}
	q.sending -= left
	q.waiting += left
	if b.failed.flush == 0 {
		at := slices.IndexFunc(q.queued, func(x *batch[T]) bool { return x.failed.flush > 0 || x.oldest() > b.oldest() })
		if at < 0 {
			at = len(q.queued)
		}
		q.queued = slices.Insert(q.queued, at, b)
		return
	}
	if !q.current.empty() {
		q.queued = append(q.queued, q.current)
		q.current = q.newBatch()
	}
	q.queued = append(q.queued, b)
}

// batches returns how many batches take would return for t.
func (q *Queue[T]) batches(t task) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.queued {
		if b.matches(t) {
			n++
		}
	}
	if q.current.matches(t) {
		n++
	}
	return n
}
