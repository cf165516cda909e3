package otelx

// Backlog returns how many spans are pending, and whether it is urgent to flush: an export is under way, a quarter of the
// buffer is in use ([WithMaxQueueSize]), or spans were dropped that no flush has told of. Where nothing is pending and
// nothing urgent, ForceFlush has nothing to do. It returns at once.
func (s *SDK) Backlog() (spans int, urgent bool) {
	if s.processor == nil {
		return 0, false
	}
	return s.processor.loop.backlog()
}

func (l *loop) backlog() (spans int, urgent bool) {
	l.mu.Lock()
	underWay := l.run != nil
	l.mu.Unlock()
	spans, full, untold := l.queue.backlog()
	return spans, underWay || full || untold
}

// backlog returns how many spans are pending, whether they take up a quarter of the bound, and whether there were drops
// since the last takeDrops. A quarter is half of what makes an export begin by itself, so that flushes that are put
// off bring none about in the middle of an invocation.
func (q *queue) backlog() (spans int, full, untold bool) {
	q.lock()
	defer q.unlock()
	spans = q.waits + q.flies
	return spans, spans > 0 && spans >= q.half/2, q.stats.Dropped != q.reported
}
