package delivery

import "slices"

// batch is a part of a queue with its sequence numbers, which ascend. It is in one of three places: filling
// (Queue.current), waiting (Queue.queued), or with one worker (Queue.inFlight).
//
// Queue.mu guards all fields.
type batch[T any] struct {
	items   []T      // items before head have left
	numbers []uint64 // of items
	head    int
	failed  failures // of a custom exporter
}

// live returns the items that have not left.
func (b *batch[T]) live() []T { return b.items[b.head:] }

func (b *batch[T]) empty() bool { return b.head == len(b.items) }

// oldest is the sequence number of the first live item. There must be one.
func (b *batch[T]) oldest() uint64 { return b.numbers[b.head] }

// newest is the sequence number of the last live item. There must be one.
func (b *batch[T]) newest() uint64 { return b.numbers[len(b.numbers)-1] }

func (b *batch[T]) add(item T, number uint64) {
	b.items, b.numbers = append(b.items, item), append(b.numbers, number)
}

// remove removes the live items with numbers from begin to below end, and returns how many they were. A spill can have
// removed items of a batch that a worker is sending, so they need not be there.
func (b *batch[T]) remove(begin, end uint64) int {
	from, _ := slices.BinarySearch(b.numbers[b.head:], begin)
	to, _ := slices.BinarySearch(b.numbers[b.head:], end)
	from, to = from+b.head, max(from, to)+b.head
	if from == b.head { // the usual case: the items have left from the front
		clear(b.items[from:to])
		b.head = to
	} else {
		b.items, b.numbers = slices.Delete(b.items, from, to), slices.Delete(b.numbers, from, to)
	}
	return to - from
}

// absorb moves the first n live items of next, which are younger, to the end of b.
func (b *batch[T]) absorb(next *batch[T], n int) {
	b.items, b.numbers, b.head = slices.Delete(b.items, 0, b.head), slices.Delete(b.numbers, 0, b.head), 0
	b.items = append(b.items, next.live()[:n]...)
	b.numbers = append(b.numbers, next.numbers[next.head:next.head+n]...)
	clear(next.items[next.head : next.head+n])
	next.head += n
}

// matches reports whether b is part of the task t.
func (b *batch[T]) matches(t task) bool {
	return !b.empty() && b.oldest() < t.upTo && (b.failed.flush == 0 || b.failed.flush != t.flush)
}

// reset makes b an empty batch that keeps its memory.
func (b *batch[T]) reset() {
	clear(b.items)
	*b = batch[T]{items: b.items[:0], numbers: b.numbers[:0]}
}
