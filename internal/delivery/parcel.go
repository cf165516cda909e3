package delivery

import (
	"context"
	"slices"
)

// parcel is a batch as its worker sees it, whatever the items are.
type parcel interface {
	// empty reports whether all items have left.
	empty() bool
	// custom reports whether a custom exporter takes the items.
	custom() bool
	// encode appends a request of at most limit bytes, or one of the first item alone if that fits in most. If it does not
	// fit, the content has no item, but the end of the first one.
	encode(dst []byte, limit, most int) (body []byte, c content)
	// describe names the first item.
	describe() string
	// items returns a call of the custom exporter with all items.
	items() (c content, send func(context.Context) error)
	// ack counts the content and removes it from the batch.
	ack(c content, o Outcome, rejected int64)
	// fail records that a custom exporter has not taken the batch in the flush with this number, and reports whether the
	// batch is to be dropped; see failures.
	fail(flush uint64, counts bool) (drop bool)
	// putBack returns the batch to its queue.
	putBack()
}

// content is what a request holds of a batch.
type content struct {
	items int
	end   uint64 // they have lower sequence numbers

	hintKey string // with hint
	hint    error  // of the encoder; nil if there is none
}

func contentOf(numbers []uint64) (c content) {
	if c.items = len(numbers); c.items > 0 {
		c.end = numbers[c.items-1] + 1
	}
	return c
}

// takenBatch is a batch that a worker has taken.
type takenBatch[T any] struct {
	queue *Queue[T]
	batch *batch[T]
}

// live returns a copy of the items and their sequence numbers. It stays valid if a spill removes them from the batch or
// if a custom exporter does not return.
func (t *takenBatch[T]) live() (items []T, numbers []uint64) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	items, numbers = slices.Clone(t.batch.live()), slices.Clone(t.batch.numbers[t.batch.head:])
	return items, numbers
}

func (t *takenBatch[T]) empty() bool {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	return t.batch.empty()
}

func (t *takenBatch[T]) custom() bool { return t.queue.exporter != nil }

func (t *takenBatch[T]) encode(dst []byte, limit, most int) (body []byte, c content) {
	items, numbers := t.live()
	if len(items) == 0 {
		return dst, content{}
	}
	encoder, _ := t.queue.encoders.Get().(Encoder[T])
	defer t.queue.encoders.Put(encoder)
	body, n := encoder.Append(dst, items, limit)
	if n == 0 && limit < most {
		body, n = encoder.Append(dst, items[:1], most)
	}
	if n == 0 {
		return body, content{end: numbers[0] + 1}
	}
	c = contentOf(numbers[:n])
	c.hintKey, c.hint = encoder.Hint()
	return body, c
}

func (t *takenBatch[T]) describe() string {
	items, _ := t.live()
	if len(items) == 0 { // spilled meanwhile
		return "item"
	}
	encoder, _ := t.queue.encoders.Get().(Encoder[T])
	defer t.queue.encoders.Put(encoder)
	return encoder.Describe(items[0])
}

func (t *takenBatch[T]) items() (c content, send func(context.Context) error) {
	items, numbers := t.live()
	return contentOf(numbers), func(ctx context.Context) error { return t.queue.exporter.SendItems(ctx, items) }
}

// ack ignores outcomes that are not permanent. A spill may have removed some of the items: they are counted
// as spilled already.
func (t *takenBatch[T]) ack(c content, o Outcome, rejected int64) {
	if !o.permanent() || c.items == 0 {
		return
	}
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	left := t.batch.remove(0, c.end)
	q.sending -= left
	n, d := int64(left), &q.stats.Dropped
	switch o {
	case Accepted:
		rejected = min(max(rejected, 0), n)
		q.stats.Exported += n - rejected
		d.Rejected += rejected
		q.delivered++
	case TooLarge:
		d.TooLarge += n
	default:
		d.Refused += n
	}
}

func (t *takenBatch[T]) fail(flush uint64, counts bool) (drop bool) {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return t.batch.failed.add(flush, q.delivered, counts)
}

func (t *takenBatch[T]) putBack() { t.queue.putBack(t.batch) }
