package delivery

import (
	"context"
)

// Encoder turns items into a request. It may keep memory between calls; one goroutine uses it at a time.
type Encoder[T any] interface {
	// Append appends a request that holds the longest prefix of items that fits in limit bytes, and returns the result
	// and the length of the prefix. If the first item does not fit, it appends nothing and returns 0. It may leave out
	// parts of an item that is alone and does not fit.
	Append(dst []byte, items []T, limit int) (body []byte, n int)
	// Describe names an item in an error message, such as `span "GET /"`.
	Describe(item T) string
	// Hint returns a problem of the last request that the user can prevent, with a key that identifies it; nil if there
	// is none.
	Hint() (key string, err error)
}

// Queue holds one signal's items until they are delivered. All methods are safe for concurrent use.
type Queue[T any] struct{ *stream }

// NewQueue returns the queue of one signal, whose requests newEncoder's encoders make and e's Sender delivers.
func NewQueue[T any](e *Engine, c Config, newEncoder func() Encoder[T]) *Queue[T] {
	s := newStream(e, c)
	s.encoders.New = func() any { return &typedEncoder[T]{encoder: newEncoder()} }
	return &Queue[T]{s}
}

// NewItemQueue returns the queue of one signal whose items a custom exporter takes. e must have been made by
// [NewItemEngine], for this queue alone.
func NewItemQueue[T any](e *Engine, c Config, exporter ItemSender[T]) *Queue[T] {
	s := newStream(e, c)
	e.closeDestination = exporter.Close
	s.export = func(ctx context.Context, entries []entry) error {
		return exporter.SendItems(ctx, appendItems[T](nil, entries))
	}
	return &Queue[T]{s}
}

// Push adds an item of about size bytes in memory. If the queue is full it drops the oldest items that wait; if all are
// being sent, or size exceeds the queue's bytes, it drops this one. It never waits for a flush.
func (q *Queue[T]) Push(item T, size int) { q.push(entry{item: item, size: size}) }

// PushCollection adds the items of a collection, as Push does. If it is not empty, the replaceable items of earlier
// collections leave as Superseded: those that wait at once, and those in a request under way if it does not deliver
// them. Other items stay and go first.
func (q *Queue[T]) PushCollection(items []T, size func(T) int, replaceable func(T) bool) {
	entries := make([]entry, 0, len(items))
	for _, item := range items {
		entries = append(entries, entry{item: item, size: size(item), replaceable: replaceable(item)})
	}
	q.pushCollection(entries)
}

// Spill hands all pending items to write, the oldest first. write puts them where they outlast the process and calls
// spilled(from, to) when items[from:to] are written; these leave the queue as Spilled. An item that is being sent and
// has no answer yet is among them, so the backend may get it twice. Spill returns the error of write and how many items
// were pending.
//
// Spill is for a process whose exit is certain.
func (q *Queue[T]) Spill(write func(items []T, spilled func(from, to int)) error) (pending int, err error) {
	mu := &q.engine.mu
	mu.Lock()
	entries := q.items.pending()
	mu.Unlock()
	if len(entries) == 0 {
		return 0, nil
	}
	return len(entries), write(appendItems[T](nil, entries), func(from, to int) {
		mu.Lock()
		defer mu.Unlock()
		q.items.spilled(entries[from:to])
	})
}

// anyEncoder is an Encoder of entries, whatever their items are.
type anyEncoder interface {
	append(dst []byte, entries []entry, limit int) (body []byte, n int)
	describe(x entry) string
	hint() (key string, err error)
}

type typedEncoder[T any] struct {
	encoder Encoder[T]
	items   []T // kept for the next call
}

func (e *typedEncoder[T]) append(dst []byte, entries []entry, limit int) (body []byte, n int) {
	e.items = appendItems(e.items[:0], entries)
	defer clear(e.items)
	return e.encoder.Append(dst, e.items, limit)
}

func (e *typedEncoder[T]) describe(x entry) string { return e.encoder.Describe(x.item.(T)) }

func (e *typedEncoder[T]) hint() (key string, err error) { return e.encoder.Hint() }

func appendItems[T any](items []T, entries []entry) []T {
	for _, x := range entries {
		item, _ := x.item.(T)
		items = append(items, item)
	}
	return items
}
