package delivery

import (
	"slices"
	"sort"
)

// entry is an item in the queue.
type entry struct {
	number      uint64 // in the order of the pushes
	item        any
	size        int    // estimated bytes in memory
	replaceable bool   // a later collection replaces it
	lostIn      uint64 // number of the last flush in which the answer to a request with it was lost; 0: none
}

// batch is the entries that one worker has taken, or that a flush has failed together.
type batch struct {
	// entries have not left. The slice is replaced but never changed in place: a worker reads it without the lock.
	entries []entry
	failed  failures
}

func (b *batch) oldest() uint64 { return b.entries[0].number }

func isEmpty(b *batch) bool { return len(b.entries) == 0 }

// task says which batches the workers of a flush take.
type task struct {
	upTo  uint64 // those with an item that has a lower number
	flush uint64 // but none that the flush goes on without
}

// backlog is the items of one signal that are not delivered, and the counts of all. Engine.mu guards it. An item is in
// one of three places:
//
//	push ──▶ waiting ──take──▶ inFlight ──ack──▶ gone
//	            ▲                 │  ▲
//	            ├────putBack──────┤  │
//	            │         failed ◀┘  │ take, after all that wait
//	            │           └────────┘
type backlog struct {
	capacity, batchSize int
	maxBytes            int  // 0: no limit
	recognised          bool // the backend recognises an item that it gets twice; a replaceable one in any case

	buffer   []entry // its entries from head on wait, in the order of their numbers
	head     int
	failed   []*batch // none is empty
	inFlight []*batch // with a worker, in no order
	bytes    int      // of all

	next       uint64 // number of the next item
	collection uint64 // number of the first item of the latest collection
	delivered  uint64 // batches acknowledged so far
	closed     bool   // items pushed from now on are dropped
	counts     Stats  // without Pending, InFlight and Breaker
}

// push adds an item. If the queue is full it drops the oldest items that wait; if all are being sent, it drops this
// one.
func (q *backlog) push(x entry) {
	q.counts.Ended++
	switch {
	case q.closed:
		q.counts.Dropped.AfterShutdown++
	case q.makeRoom(x.size):
		x.number = q.next
		if len(q.buffer) == cap(q.buffer) && q.head > len(q.buffer)/2 {
			q.buffer, q.head = slices.Delete(q.buffer, 0, q.head), 0
		}
		q.buffer = append(q.buffer, x)
		q.next++
		q.bytes += x.size
	}
}

// waiting returns the entries that wait, but for failed batches.
func (q *backlog) waiting() []entry { return q.buffer[q.head:] }

// pushCollection adds the items of a collection. Replaceable items of earlier ones leave: those that wait at once, and
// those that a worker has taken when it puts them back or a request with them has failed.
func (q *backlog) pushCollection(items []entry) {
	if !q.closed && len(items) > 0 {
		q.collection = q.next
		q.discard(q.superseded, &q.counts.Superseded, q.failed)
	}
	for _, x := range items {
		q.push(x)
	}
}

// makeRoom drops the oldest items that wait until one more of size bytes fits. If it cannot, it counts that one as
// dropped and returns false.
func (q *backlog) makeRoom(size int) bool {
	for {
		var reason *int64
		switch d := &q.counts.Dropped; {
		case q.waitingItems()+q.sending() >= q.capacity:
			reason = &d.QueueFull
		case q.maxBytes > 0 && q.bytes+size > q.maxBytes:
			reason = &d.QueueBytes
		default:
			return true
		}
		*reason++
		if q.waitingItems() == 0 || q.maxBytes > 0 && size > q.maxBytes {
			return false
		}
		q.dropOldest()
	}
}

// dropOldest drops the oldest item that waits. Failed batches are older than all others.
func (q *backlog) dropOldest() {
	if len(q.failed) == 0 {
		q.bytes -= q.buffer[q.head].size
		q.removeFirst(1)
		return
	}
	b := slices.MinFunc(q.failed, func(a, b *batch) int { return int(a.oldest()) - int(b.oldest()) }) //nolint:gosec // small
	q.bytes -= b.entries[0].size
	b.entries = b.entries[1:]
	q.failed = slices.DeleteFunc(q.failed, isEmpty)
}

// removeFirst removes the first n items of waiting.
func (q *backlog) removeFirst(n int) {
	clear(q.waiting()[:n])
	q.head += n
	if q.head == len(q.buffer) {
		q.buffer, q.head = q.buffer[:0], 0
	}
}

// take hands a worker the first batch of the task t; nil if there is none. The worker returns it with putBack. A batch
// that a flush has failed stays alone, since one of its items may be the reason.
func (q *backlog) take(t task) *batch {
	b := &batch{}
	if waiting := q.waiting(); len(waiting) > 0 && waiting[0].number < t.upTo {
		b.entries = slices.Clone(waiting[:min(len(waiting), q.batchSize)])
		q.removeFirst(len(b.entries))
	} else {
		i := slices.IndexFunc(q.failed, func(b *batch) bool { return b.oldest() < t.upTo && b.failed.flush != t.flush })
		if i < 0 {
			return nil
		}
		b = q.failed[i]
		q.failed = slices.Delete(q.failed, i, i+1)
	}
	q.inFlight = append(q.inFlight, b)
	return b
}

// putBack takes b back from its worker. Its items wait again, but for those that are superseded.
func (q *backlog) putBack(b *batch) {
	q.discardFrom(b, q.superseded, &q.counts.Superseded)
	q.inFlight = slices.DeleteFunc(q.inFlight, func(other *batch) bool { return other == b })
	switch {
	case isEmpty(b):
	case b.failed.flush > 0:
		q.failed = append(q.failed, b)
	default:
		q.buffer, q.head = slices.Concat(b.entries, q.waiting()), 0
		sort.Sort(byNumber(q.buffer))
	}
}

// ack counts the first items of b, up to the number end, and removes them. A spill may have removed some of them: they
// are counted as spilled already. An outcome that is not permanent changes nothing.
func (q *backlog) ack(b *batch, end uint64, o Outcome, rejected int64) {
	if !o.permanent() {
		return
	}
	left := sort.Search(len(b.entries), func(i int) bool { return b.entries[i].number >= end })
	q.bytes -= bytesOf(b.entries[:left])
	b.entries = b.entries[left:]
	n, d := int64(left), &q.counts.Dropped
	switch o {
	case Accepted:
		rejected = min(max(rejected, 0), n)
		q.counts.Exported += n - rejected
		d.Rejected += rejected
		q.delivered++
	case TooLarge:
		d.TooLarge += n
	default:
		d.Refused += n
	}
}

// superseded reports whether a later collection has replaced x.
func (q *backlog) superseded(x entry) bool { return x.replaceable && x.number < q.collection }

// discard removes the entries for which match is true from those that wait and from batches, and counts them.
func (q *backlog) discard(match func(entry) bool, count *int64, batches []*batch) {
	q.buffer = q.buffer[:q.head+len(q.without(q.waiting(), match, count))]
	for _, b := range batches {
		q.discardFrom(b, match, count)
	}
	q.failed = slices.DeleteFunc(q.failed, isEmpty)
}

// discardFrom is discard for one batch.
func (q *backlog) discardFrom(b *batch, match func(entry) bool, count *int64) {
	if slices.ContainsFunc(b.entries, match) {
		b.entries = q.without(slices.Clone(b.entries), match, count)
	}
}

// without returns entries, which it changes, without those for which match is true. It counts these.
func (q *backlog) without(entries []entry, match func(entry) bool, count *int64) []entry {
	return slices.DeleteFunc(entries, func(x entry) bool {
		if !match(x) {
			return false
		}
		*count++
		q.bytes -= x.size
		return true
	})
}

// recognises reports whether a backend that gets entries twice recognises all of them.
func (q *backlog) recognises(entries []entry) bool {
	return q.recognised || !slices.ContainsFunc(entries, func(x entry) bool { return !x.replaceable })
}

// sent records what a request with the first items of b, up to the number end, means for items that the backend does
// not recognise: its answer was lost so many times in a flush, and the last request may have been accepted. It counts
// the items that the backend may have once more. exhausted says that one of them has been sent twice in this flush
// without an answer.
func (q *backlog) sent(b *batch, end, flush uint64, lost int, accepted bool) (exhausted bool) {
	taken := int64(lost) // how many times the backend has or may have taken the items
	if accepted {
		taken++
	}
	if taken == 0 || q.recognised {
		return false
	}
	if lost > 0 {
		b.entries = slices.Clone(b.entries)
	}
	for i := range b.entries {
		x := &b.entries[i]
		if x.number >= end || x.replaceable {
			continue
		}
		q.counts.Repeated += taken
		if x.lostIn == 0 {
			q.counts.Repeated--
		}
		if lost > 0 {
			exhausted = exhausted || lost > 1 || x.lostIn == flush
			x.lostIn = flush
		}
	}
	return exhausted
}

// done reports whether no item with a number below upTo is pending.
func (q *backlog) done(upTo uint64) bool {
	pending := func(b *batch) bool { return len(b.entries) > 0 && b.oldest() < upTo }
	waits := q.head < len(q.buffer) && q.buffer[q.head].number < upTo
	return !waits && !slices.ContainsFunc(q.failed, pending) && !slices.ContainsFunc(q.inFlight, pending)
}

// waitingItems returns how many items wait.
func (q *backlog) waitingItems() int { return len(q.waiting()) + itemsOf(q.failed) }

// sending returns how many items are with a worker.
func (q *backlog) sending() int { return itemsOf(q.inFlight) }

func itemsOf(batches []*batch) (n int) {
	for _, b := range batches {
		n += len(b.entries)
	}
	return n
}

func bytesOf(entries []entry) (n int) {
	for _, x := range entries {
		n += x.size
	}
	return n
}

// stats returns the counts of this moment, without the breaker's state.
func (q *backlog) stats() Stats {
	s := q.counts
	s.InFlight = int64(q.sending())
	s.Pending = int64(q.waitingItems()) + s.InFlight
	return s
}

// pending returns all pending entries, the oldest first.
func (q *backlog) pending() []entry {
	all := slices.Clone(q.waiting())
	for _, b := range slices.Concat(q.failed, q.inFlight) {
		all = append(all, b.entries...)
	}
	sort.Sort(byNumber(all))
	return all
}

// spilled counts entries, some of which pending has returned together, and removes those that are still there.
func (q *backlog) spilled(entries []entry) {
	written := func(x entry) bool {
		i := sort.Search(len(entries), func(i int) bool { return entries[i].number >= x.number })
		return i < len(entries) && entries[i].number == x.number
	}
	q.discard(written, &q.counts.Spilled, slices.Concat(q.failed, q.inFlight))
}

// byNumber sorts by number. It is a sort.Interface because slices.SortFunc adds 13 KB to a function's binary.
type byNumber []entry

func (b byNumber) Len() int           { return len(b) }
func (b byNumber) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b byNumber) Less(i, j int) bool { return b[i].number < b[j].number }
