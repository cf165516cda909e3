package delivery

import (
	"slices"
	"sort"
)

// Spill hands all pending items to write, the oldest first. write puts them where they outlast the process and calls
// spilled(from, to) when items[from:to] are written; these leave the queue as Spilled. An item that is being sent and
// has no answer yet is among them, so the backend may get it twice. Spill returns the error of write and how many items
// were pending.
//
// Spill is for a process whose exit is certain.
func (q *Queue[T]) Spill(write func(items []T, spilled func(from, to int)) error) (pending int, err error) {
	items, numbers := q.pendingItems()
	if len(items) == 0 {
		return 0, nil
	}
	return len(items), write(items, func(from, to int) { q.removeSpilled(numbers[from:to]) })
}

// pendingItems returns a copy of all pending items, the oldest first, with their sequence numbers.
func (q *Queue[T]) pendingItems() (items []T, numbers []uint64) {
	all := q.numberedItems()
	sort.Sort(byNumber[T](all))
	for _, n := range all {
		items, numbers = append(items, n.item), append(numbers, n.number)
	}
	return items, numbers
}

// numbered is an item with its sequence number.
type numbered[T any] struct {
	number uint64
	item   T
}

// byNumber sorts by sequence number. It is a sort.Interface because slices.SortFunc adds 13 KB to a function's binary.
type byNumber[T any] []numbered[T]

func (b byNumber[T]) Len() int           { return len(b) }
func (b byNumber[T]) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b byNumber[T]) Less(i, j int) bool { return b[i].number < b[j].number }

func (q *Queue[T]) numberedItems() (all []numbered[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range append(slices.Concat(q.queued, q.inFlight), q.current) {
		for i, item := range b.live() {
			all = append(all, numbered[T]{b.numbers[b.head+i], item})
		}
	}
	return all
}

// removeSpilled removes the items with these numbers that are still pending.
func (q *Queue[T]) removeSpilled(numbers []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, number := range numbers {
		q.spillOne(number)
	}
}

func (q *Queue[T]) spillOne(number uint64) {
	for _, b := range q.inFlight {
		n := b.remove(number, number+1)
		q.sending -= n
		q.stats.Spilled += int64(n)
	}
	for _, b := range append(slices.Clone(q.queued), q.current) {
		n := b.remove(number, number+1)
		q.waiting -= n
		q.stats.Spilled += int64(n)
		q.discardIfEmpty(b)
	}
}
