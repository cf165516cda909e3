package otelx

import (
	"runtime"
	"slices"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// keepBatches is how many emptied batches a queue keeps to be filled again.
	keepBatches = 8
	// slackShare is the part of a queue's bound that may have come beyond it before somebody looks: with none each span
	// that comes to a full queue would have its core wait for all others.
	slackShare = 32
)

// queue is the bounded buffer of ended spans, in batches, together with the account of them and with those that are open
// yet, behind one lock, so that the account adds up whenever it is read.
//
// Spans come through lanes, whose content is accepted by whoever takes the lock. So it does not matter when that is:
// nobody ever sees the queue without those that have come. Who adds a span takes the lock only where that span could
// be the one to begin an export for, or one too many.
//
// An ended span has a number, counted from 0 in the order in which they are accepted. A batch holds spans of successive
// numbers and is in one of three places: being filled (fresh), waiting (waiting), or with a goroutine that has taken it and
// gives it back with release (flying).
type queue struct {
	bound, half, batchSize int
	slack                  int // so many come where there is no room before somebody looks

	lanes *lanes
	_     [cacheLines]byte

	guard    sync.Mutex // of all below; taken with lock and nothing else
	open     openSpans
	fresh    *batch   // being filled; its numbers are above those of all others
	waiting  []*batch // full, or given back with something left, by number
	flying   []*batch // taken, in no order
	idle     []*batch // empty, for the next fresh
	waits    int      // spans in fresh and waiting
	flies    int      // spans in flying
	next     uint64   // number of the next span
	told     edge     // since the last look
	eager    bool     // half is a batch at most
	closed   bool     // nothing is accepted any more
	stats    Stats    // but Pending
	reported Dropped  // the part of stats.Dropped that a flush has reported
}

func newQueue(bound, batchSize int) *queue {
	return &queue{
		bound: bound, half: max(bound/2, 1), batchSize: batchSize, slack: max(bound/slackShare, 1),
		lanes: newLanes(runtime.GOMAXPROCS(0)), open: newOpenSpans(bound), fresh: &batch{},
	}
}

// accept enters a span that has come.
func (q *queue) accept(s sdktrace.ReadOnlySpan) edge {
	q.stats.Ended++
	if q.closed {
		q.stats.Dropped.AfterShutdown++
		return noEdge
	}
	if q.waits+q.flies >= q.bound {
		q.stats.Dropped.QueueFull++
		if q.waits == 0 {
			return noEdge
		}
		q.dropOldest()
	}
	if len(q.fresh.spans) == q.batchSize {
		q.waiting = append(q.waiting, q.fresh)
		q.fresh = q.empty()
	}
	if len(q.fresh.spans) == 0 {
		q.fresh.first = q.next
	}
	q.fresh.spans = append(q.fresh.spans, s)
	q.next++
	q.waits++
	half := q.enough()
	switch {
	case q.waits == half, q.waits > half && q.next%uint64(q.batchSize) == 0:
		return becameHalf
	case q.waits == 1:
		return becameUsed
	}
	return noEdge
}

func (q *queue) dropOldest() {
	b := q.fresh
	if len(q.waiting) > 0 {
		b = q.waiting[0]
	}
	b.pass(1)
	q.waits--
	if len(b.live()) > 0 {
		return
	}
	if b == q.fresh {
		b.spans, b.head = b.spans[:0], 0
		return
	}
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.recycle(b)
}

// empty returns a batch without spans.
func (q *queue) empty() *batch {
	if n := len(q.idle); n > 0 {
		b := q.idle[n-1]
		q.idle = q.idle[:n-1]
		return b
	}
	return &batch{}
}

func (q *queue) recycle(b *batch) {
	if len(q.idle) < keepBatches {
		b.spans, b.head, b.strikes, b.spilled = b.spans[:0], 0, 0, nil
		q.idle = append(q.idle, b)
	}
}

// take hands over the oldest waiting batch, if its oldest span has a number below target; nil otherwise. The taker owes
// a release.
func (q *queue) take(target uint64) *batch {
	q.lock()
	defer q.unlock()
	if q.waits == 0 {
		return nil
	}
	b := q.fresh
	if len(q.waiting) > 0 {
		b = q.waiting[0]
	}
	if b.oldest() >= target {
		return nil
	}
	if b == q.fresh {
		q.fresh = q.empty()
	} else {
		q.waiting = slices.Delete(q.waiting, 0, 1)
		q.fill(b, target)
	}
	q.flying = append(q.flying, b)
	q.waits -= len(b.live())
	q.flies += len(b.live())
	return b
}

// fill moves the oldest of what waits into b while it is below target, follows b's spans and has room there, so that
// what flushes in vain have left in small batches leaves in few requests. Batches that a foreign exporter has failed
// stay as they are: one span may be the reason, and is not to take others along.
func (q *queue) fill(b *batch, target uint64) {
	for b.strikes == 0 {
		next := q.fresh
		if len(q.waiting) > 0 {
			next = q.waiting[0]
		}
		n := min(q.batchSize-len(b.live()), len(next.live()))
		if n <= 0 || next.strikes > 0 || next.oldest() != b.end() || next.oldest() >= target {
			return
		}
		b.absorb(next, n)
		switch {
		case len(next.live()) > 0:
		case next == q.fresh:
			next.spans, next.head = next.spans[:0], 0
		default:
			q.waiting = slices.Delete(q.waiting, 0, 1)
			q.recycle(next)
		}
	}
}

// settle enters what came of the first o.n live spans of a flying batch into the account.
func (q *queue) settle(b *batch, o outcome) {
	if !o.final() {
		return
	}
	q.lock()
	defer q.unlock()
	spilled := b.spilledBelow(b.oldest() + uint64(o.n)) //nolint:gosec // a length
	d, n := &q.stats.Dropped, int64(o.n-spilled)
	o.rejected = min(o.rejected, n)
	switch o.verdict {
	case accepted:
		q.stats.Exported += n - o.rejected
		d.Rejected += o.rejected
	case refused:
		d.Refused += n
	default: // tooLarge
		d.TooLarge += n
	}
	q.flies -= o.n - spilled
	b.pass(o.n)
}

// release ends the flight of b: what is left of it waits again, before everything younger.
func (q *queue) release(b *batch) {
	q.lock()
	defer q.unlock()
	q.flying = slices.DeleteFunc(q.flying, func(f *batch) bool { return f == b })
	left := len(b.live()) - b.spilledBelow(b.end())
	if left == 0 {
		q.recycle(b)
		return
	}
	q.flies -= left
	q.waits += left
	at, _ := slices.BinarySearchFunc(q.waiting, b.oldest(), func(w *batch, n uint64) int {
		if w.oldest() < n {
			return -1
		}
		return 1
	})
	q.waiting = slices.Insert(q.waiting, at, b.rest()...)
}

// enough is how many waiting spans are half of the bound, or count as that.
func (q *queue) enough() int {
	if q.eager {
		return min(q.half, q.batchSize)
	}
	return q.half
}

// hasEnough reports whether as many wait.
func (q *queue) hasEnough() bool {
	q.lock()
	defer q.unlock()
	return q.waits >= q.enough()
}

// setEager makes an export begin by itself as soon as a batch is full, or as usual.
func (q *queue) setEager(on bool) {
	q.lock()
	defer q.unlock()
	q.eager = on
}

// close makes add drop what comes from now on.
func (q *queue) close() {
	q.lock()
	defer q.unlock()
	q.closed = true
}

// mark returns the number that the next span will have: a target that covers all before it.
func (q *queue) mark() uint64 {
	q.lock()
	defer q.unlock()
	return q.next
}

// settled reports whether no span with a number below target is pending any more.
func (q *queue) settled(target uint64) bool {
	q.lock()
	defer q.unlock()
	if len(q.waiting) > 0 && q.waiting[0].oldest() < target {
		return false
	}
	if len(q.fresh.live()) > 0 && q.fresh.oldest() < target {
		return false
	}
	return !slices.ContainsFunc(q.flying, func(b *batch) bool { return len(b.live()) > b.spilledBelow(b.end()) && b.oldest() < target })
}

// load returns how many spans wait, and how many batches they make.
func (q *queue) load() (spans, batches int) {
	q.lock()
	defer q.unlock()
	batches = len(q.waiting)
	if len(q.fresh.live()) > 0 {
		batches++
	}
	return q.waits, batches
}

// account returns the counts.
func (q *queue) account() Stats {
	q.lock()
	defer q.unlock()
	s := q.stats
	s.Pending = int64(q.waits + q.flies)
	return s
}

// takeDrops returns what was dropped since the last takeDrops.
func (q *queue) takeDrops() Dropped {
	q.lock()
	defer q.unlock()
	d := q.stats.Dropped.minus(q.reported)
	q.reported = q.stats.Dropped
	return d
}
