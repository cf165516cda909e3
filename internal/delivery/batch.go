package delivery

import "slices"

// batch is a run of items with successive sequence numbers. It is in one of three places: filling (Queue.current),
// waiting (Queue.queued), or with one worker (Queue.inFlight).
//
// Queue.mu guards all fields.
type batch[T any] struct {
	first uint64 // sequence number of items[0]
	head  int    // items before it have left
	items []T

	// of a custom exporter

	failedIn      uint64 // number of the last flush in which this batch has failed; 0: none
	failedFlushes int    // flushes in which it has failed, of those after which others were delivered
	failedAt      uint64 // Queue.delivered at the last of them
}

// live returns the items that have not left.
func (b *batch[T]) live() []T { return b.items[b.head:] }

// oldest is the sequence number of the first live item, or the end if there is none.
func (b *batch[T]) oldest() uint64 { return b.first + uint64(b.head) } //nolint:gosec // an index

// end is the sequence number after the last item.
func (b *batch[T]) end() uint64 { return b.first + uint64(len(b.items)) }

// passTo removes the live items before the sequence number end, and returns how many they were. The items may have been
// removed already: a spill removes items that a worker is sending.
func (b *batch[T]) passTo(end uint64) int {
	n := int(max(min(end, b.end()), b.oldest()) - b.oldest()) //nolint:gosec // at most len(b.items)
	clear(b.items[b.head : b.head+n])
	b.head += n
	return n
}

// absorb moves the first n live items of next, which follow b's, to the end of b.
func (b *batch[T]) absorb(next *batch[T], n int) {
	if b.head > 0 {
		b.items, b.first, b.head = slices.Delete(b.items, 0, b.head), b.oldest(), 0
	}
	b.items = append(b.items, next.live()[:n]...)
	next.passTo(next.oldest() + uint64(n)) //nolint:gosec // not negative
}

// matches reports whether b is part of the task t.
func (b *batch[T]) matches(t task) bool {
	return len(b.live()) > 0 && b.oldest() < t.upTo && (b.failedIn == 0 || b.failedIn != t.flush)
}

// reset makes b an empty batch that keeps its memory.
func (b *batch[T]) reset() {
	clear(b.items)
	*b = batch[T]{items: b.items[:0]}
}
