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
	// settle counts the content and removes it from the batch.
	settle(c content, o Outcome, rejected int64)
	// fail leaves a batch that a custom exporter has not taken for later flushes than the one with this number. If it
	// counts, fail reports whether the batch has failed too often.
	fail(flush uint64, counts bool) (drop bool)
	// release returns the batch to its queue.
	release()
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

// flight is a batch that a worker has taken.
type flight[T any] struct {
	queue *Queue[T]
	batch *batch[T]
}

// live returns a copy of the items and their sequence numbers. It stays valid if a spill removes them from the batch or
// if a custom exporter does not return.
func (f *flight[T]) live() (items []T, numbers []uint64) {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	items, numbers = slices.Clone(f.batch.live()), slices.Clone(f.batch.numbers[f.batch.head:])
	return items, numbers
}

func (f *flight[T]) empty() bool {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	return f.batch.empty()
}

func (f *flight[T]) custom() bool { return f.queue.exporter != nil }

func (f *flight[T]) encode(dst []byte, limit, most int) (body []byte, c content) {
	items, numbers := f.live()
	if len(items) == 0 {
		return dst, content{}
	}
	encoder, _ := f.queue.encoders.Get().(Encoder[T])
	defer f.queue.encoders.Put(encoder)
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

func (f *flight[T]) describe() string {
	items, _ := f.live()
	if len(items) == 0 { // spilled meanwhile
		return "item"
	}
	encoder, _ := f.queue.encoders.Get().(Encoder[T])
	defer f.queue.encoders.Put(encoder)
	return encoder.Describe(items[0])
}

func (f *flight[T]) items() (c content, send func(context.Context) error) {
	items, numbers := f.live()
	return contentOf(numbers), func(ctx context.Context) error { return f.queue.exporter.SendItems(ctx, items) }
}

// settle ignores outcomes that leave the items' fate open. A spill may have removed some of the items: they are counted
// as spilled already.
func (f *flight[T]) settle(c content, o Outcome, rejected int64) {
	if !o.permanent() || c.items == 0 {
		return
	}
	q := f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	left := f.batch.remove(0, c.end)
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

func (f *flight[T]) fail(flush uint64, counts bool) (drop bool) {
	q := f.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	b := f.batch
	b.failedIn = flush
	if !counts {
		return false
	}
	if b.failedFlushes == 0 || q.delivered > b.failedAt { // otherwise the exporter fails for every batch
		b.failedFlushes++
	}
	b.failedAt = q.delivered
	return b.failedFlushes >= maxFailedFlushes
}

func (f *flight[T]) release() { f.queue.release(f.batch) }
