package otelx

import "github.com/epilogue-go/epilogue/internal/counts"

// Pending returns how many spans are pending, and whether a flush must not be deferred: an export is under way, a quarter
// of the queue is in use ([WithMaxQueueSize]), or spans were dropped that no flush has reported. If it returns 0 and false,
// ForceFlush has nothing to do. It returns at once.
func (s *SDK) Pending() (n int, flushNow bool) {
	if s.processor == nil {
		return 0, false
	}
	return s.processor.loop.pending()
}

// Counts returns the delivery counts of each signal, in a fixed order.
func (s *SDK) Counts() []counts.Signal {
	st := s.Stats()
	return []counts.Signal{{
		Name: "traces", Ended: st.Ended, Exported: st.Exported, Pending: st.Pending, Dropped: st.Dropped.Total(), Spilled: st.Spilled,
	}}
}

func (l *loop) pending() (n int, flushNow bool) {
	l.mu.Lock()
	underWay := l.run != nil
	l.mu.Unlock()
	n, full, untold := l.queue.pending()
	return n, underWay || full || untold
}

// pending returns how many spans are pending, whether they take up a quarter of the bound, and whether spans were dropped
// since the last takeDrops. A quarter is half of what begins an export by itself, so that deferred flushes do not cause one
// in the middle of an invocation.
func (q *queue) pending() (n int, full, untold bool) {
	q.lock()
	defer q.unlock()
	n = q.waits + q.flies
	return n, n > 0 && n >= q.half/2, q.stats.Dropped != q.reported
}
