package delivery

import (
	"context"
	"slices"
)

// SpillWriter writes items to where they outlast the process.
type SpillWriter[T any] interface {
	// Write writes the longest prefix of items that it can write at once and returns its length. If n is 0 and err is
	// nil, the first item cannot be written. It does not write after ctx has ended.
	Write(ctx context.Context, items []T) (n int, err error)
}

// Spill writes all pending items to w, the oldest first, until ctx ends or w fails. Items that were written leave the
// queue as Spilled; one that cannot be written is dropped as too large. An item that is being sent and has no answer
// yet is written too, so the backend may get it twice. It returns how many items were written, and how many were
// pending.
//
// Spill is for a process whose exit is certain. Concurrent calls may write an item twice.
func (q *Queue[T]) Spill(ctx context.Context, w SpillWriter[T]) (written, pending int, err error) {
	items, ends := q.pendingItems()
	pending = len(items)
	for len(items) > 0 {
		if ctx.Err() != nil {
			return written, pending, context.Cause(ctx)
		}
		n, err := w.Write(ctx, items)
		if err != nil {
			return written, pending, err
		}
		if n == 0 {
			q.removeTo(ends[0], func(s *Stats, n int64) { s.Dropped.TooLarge += n })
			n = 1
		} else {
			q.removeTo(ends[n-1], func(s *Stats, n int64) { s.Spilled += n })
			written += n
		}
		items, ends = items[n:], ends[n:]
	}
	return written, pending, nil
}

// pendingItems returns a copy of all pending items, the oldest first, each with the sequence number after it.
func (q *Queue[T]) pendingItems() (items []T, ends []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.inOrder() {
		for i, item := range b.live() {
			items, ends = append(items, item), append(ends, b.oldest()+uint64(i)+1) //nolint:gosec // an index
		}
	}
	return items, ends
}

// removeTo removes all pending items before the sequence number end, and has count enter them into the stats.
func (q *Queue[T]) removeTo(end uint64, count func(s *Stats, n int64)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.inOrder() {
		n := b.passTo(end)
		if slices.Contains(q.inFlight, b) {
			q.sending -= n
		} else {
			q.waiting -= n
			q.discardIfEmpty(b)
		}
		count(&q.stats, int64(n))
	}
}
