package delivery

import (
	"context"
	"slices"
	"sync"
)

// keptBatches is how many empty batches keep their memory for later ones.
const keptBatches = 8

// Encoder turns items into a request. It may keep memory between calls; one goroutine uses it at a time.
type Encoder[T any] interface {
	// Append appends a request that holds the longest prefix of items that fits in limit bytes, and returns the result
	// and the length of the prefix. If the first item does not fit, it appends nothing and returns 0.
	Append(dst []byte, items []T, limit int) (body []byte, n int)
	// Describe names an item in an error message, such as `span "GET /"`.
	Describe(item T) string
	// Hint returns a problem of the last request that the user can prevent, with a key that identifies it; nil if there
	// is none.
	Hint() (key string, err error)
}

// Queue holds one signal's items until they are delivered. All methods are safe for concurrent use.
//
// Lock order: Engine.mu, then Queue.mu. Push releases Queue.mu before it takes Engine.mu, which it does only at a
// threshold. Neither is held for long, so Push never waits for a flush.
type Queue[T any] struct {
	stream   *stream
	encoders sync.Pool     // of Encoder[T]; empty if there is an exporter
	exporter ItemSender[T] // nil: the engine's Sender

	mu        sync.Mutex
	current   *batch[T]   // being filled; its numbers are above all others
	queued    []*batch[T] // full, or nacked
	inFlight  []*batch[T] // with a worker, in no order
	idle      []*batch[T] // empty, for the next current
	waiting   int         // items in current and queued
	sending   int         // items in inFlight
	next      uint64      // sequence number of the next item
	delivered uint64      // batches acknowledged so far
	eager     bool        // a full batch is enough for a background flush
	closed    bool        // items pushed from now on are dropped
	stats     Stats       // without Pending, InFlight and Breaker
	reported  Dropped     // the part of stats.Dropped that a flush has reported
	announced int64       // the part of stats.Dropped.QueueFull that Config.OnError has got
}

// NewQueue returns the queue of one signal, whose requests newEncoder's encoders make and e's Sender delivers.
func NewQueue[T any](e *Engine, c Config, newEncoder func() Encoder[T]) *Queue[T] {
	q := &Queue[T]{current: &batch[T]{}}
	q.encoders.New = func() any { return newEncoder() }
	q.stream = newStream(e, c, q)
	e.add(q.stream)
	return q
}

// NewItemQueue returns the queue of one signal whose items a custom exporter takes. e must have been made without a
// Sender, for this queue alone.
func NewItemQueue[T any](e *Engine, c Config, exporter ItemSender[T]) *Queue[T] {
	q := &Queue[T]{current: &batch[T]{}, exporter: exporter}
	q.stream = newStream(e, c, q)
	e.add(q.stream)
	return q
}

// event is a threshold that a push has reached.
type event int

const (
	noEvent  event = iota
	nonEmpty       // the queue was empty
	halfFull       // the queue is half full, or another batch has come since
)

// Push adds an item. If the queue is full it drops the oldest waiting item; if all are being sent, it drops this one.
func (q *Queue[T]) Push(item T) {
	if reached := q.push(item); reached != noEvent {
		q.stream.onThreshold(reached)
	}
}

func (q *Queue[T]) push(item T) event {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := &q.stream.config
	q.stats.Ended++
	if q.closed {
		q.stats.Dropped.AfterShutdown++
		return noEvent
	}
	if q.waiting+q.sending >= c.Capacity {
		q.stats.Dropped.QueueFull++
		if q.waiting == 0 {
			return noEvent
		}
		q.dropOldest()
	}
	if len(q.current.items) == c.BatchSize {
		q.queued = append(q.queued, q.current)
		q.current = q.newBatch()
	}
	q.current.add(item, q.next)
	q.next++
	q.waiting++
	half := q.threshold()
	switch {
	case q.waiting == half, q.waiting > half && q.next%uint64(c.BatchSize) == 0: //nolint:gosec // positive
		return halfFull
	case q.waiting == 1:
		return nonEmpty
	}
	return noEvent
}

// threshold is how many waiting items begin a background flush.
func (q *Queue[T]) threshold() int {
	half := max(q.stream.config.Capacity/2, 1)
	if q.eager {
		return min(half, q.stream.config.BatchSize)
	}
	return half
}

// dropOldest drops the oldest waiting item. A batch that a custom exporter has failed is behind younger ones.
func (q *Queue[T]) dropOldest() {
	b := q.front()
	for _, other := range q.queued {
		if other.oldest() < b.oldest() {
			b = other
		}
	}
	b.remove(b.oldest(), b.oldest()+1)
	q.waiting--
	q.discardIfEmpty(b)
}

// front returns the batch that leaves next.
func (q *Queue[T]) front() *batch[T] {
	if len(q.queued) > 0 {
		return q.queued[0]
	}
	return q.current
}

// discardIfEmpty removes a waiting batch without live items.
func (q *Queue[T]) discardIfEmpty(b *batch[T]) {
	if !b.empty() {
		return
	}
	if b != q.current {
		q.queued = slices.DeleteFunc(q.queued, func(other *batch[T]) bool { return other == b })
		q.recycle(b)
		return
	}
	b.reset()
}

func (q *Queue[T]) newBatch() *batch[T] {
	if n := len(q.idle); n > 0 {
		b := q.idle[n-1]
		q.idle = q.idle[:n-1]
		return b
	}
	return &batch[T]{}
}

func (q *Queue[T]) recycle(b *batch[T]) {
	if len(q.idle) < keptBatches {
		b.reset()
		q.idle = append(q.idle, b)
	}
}

// done reports whether no item with a number below upTo is pending.
func (q *Queue[T]) done(upTo uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	pending := func(b *batch[T]) bool { return !b.empty() && b.oldest() < upTo }
	return !pending(q.current) && !slices.ContainsFunc(q.queued, pending) && !slices.ContainsFunc(q.inFlight, pending)
}

// sequence returns the number that the next item will have.
func (q *Queue[T]) sequence() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next
}

// load returns how many items wait, and whether these are enough for a background flush.
func (q *Queue[T]) load() (items int, enough bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting, q.waiting >= q.threshold()
}

// setEager makes a full batch enough for a background flush, or half of the queue again.
func (q *Queue[T]) setEager(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.eager = on
}

// close drops the items that are pushed from now on.
func (q *Queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// closeExporter closes the custom exporter.
func (q *Queue[T]) closeExporter(ctx context.Context) error {
	if q.exporter == nil {
		return nil
	}
	return q.exporter.Close(ctx)
}

// counts returns the counts of one moment, without the breaker's state.
func (q *Queue[T]) counts() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.InFlight = int64(q.sending)
	s.Pending = int64(q.waiting) + s.InFlight
	return s
}

// takeDrops returns the drops since the last takeDrops.
func (q *Queue[T]) takeDrops() Dropped {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.stats.Dropped.Sub(q.reported)
	q.reported = q.stats.Dropped
	return d
}

// takeQueueFullDrops returns the drops of a full queue since the last takeQueueFullDrops.
func (q *Queue[T]) takeQueueFullDrops() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.stats.Dropped.QueueFull - q.announced
	q.announced = q.stats.Dropped.QueueFull
	return n
}

// pressure returns how many items are pending, whether they fill a quarter of the queue, and whether there are drops
// that no flush has reported.
func (q *Queue[T]) pressure() (pending int, quarterFull, drops bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	pending = q.waiting + q.sending
	return pending, pending > 0 && pending >= q.stream.config.Capacity/4, q.stats.Dropped != q.reported
}
