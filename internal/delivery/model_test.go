package delivery

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// model is what a backlog should hold: where each item is. Items are the numbers of their entries.
type model struct {
	waiting, sending map[int]bool
	collected        map[int]bool // pushed in a collection
	collection       int          // first item of the latest collection
	stats            Stats
}

// check asserts that q has the same items and counts.
func (m *model) check(t *testing.T, q *backlog, step string) {
	t.Helper()
	got, want := q.stats(), m.stats
	want.InFlight = int64(len(m.sending))
	want.Pending = int64(len(m.waiting) + len(m.sending))
	if got != want {
		t.Fatalf("%s: %+v, want %+v", step, got, want)
	}
	if got.Ended != got.Exported+got.Pending+got.Dropped.Total()+got.Spilled+got.Superseded {
		t.Fatalf("%s: the counts do not add up: %+v", step, got)
	}
	all := maps.Clone(m.waiting)
	maps.Copy(all, m.sending)
	if items := itemsIn(q.pending()); !slices.Equal(items, slices.Sorted(maps.Keys(all))) {
		t.Fatalf("%s: pending %v, want %v", step, items, all)
	}
	bytes := 0
	for item := range all {
		bytes += sizeOf(item)
	}
	if q.bytes != bytes {
		t.Fatalf("%s: %d bytes, want %d", step, q.bytes, bytes)
	}
	for _, upTo := range []uint64{0, q.next / 2, q.next} {
		want := true
		for item := range all {
			want = want && q.numberOf(item) >= upTo
		}
		if q.done(upTo) != want {
			t.Fatalf("%s: done(%d) is %v", step, upTo, !want)
		}
	}
	for _, b := range slices.Concat(q.failed, q.inFlight) {
		if len(b.entries) > q.batchSize {
			t.Fatalf("%s: a batch of %d", step, len(b.entries))
		}
	}
}

// numberOf returns the number of a pending item.
func (q *backlog) numberOf(item int) uint64 {
	all := q.pending()
	return all[slices.IndexFunc(all, func(x entry) bool { return x.item == item })].number
}

// sizeOf returns the size of an item.
func sizeOf(item int) int { return item % 7 }

// entryOf returns an item as it is pushed alone, or in a collection, of which two of three items are replaceable.
func entryOf(item int, collected bool) entry {
	return entry{item: item, size: sizeOf(item), replaceable: collected && item%3 > 0}
}

func itemsIn(entries []entry) []int {
	items := make([]int, 0, len(entries))
	for _, x := range entries {
		items = append(items, x.item.(int))
	}
	return items
}

// TestBacklogModel makes random calls of a backlog and of a model and compares them after each.
func TestBacklogModel(t *testing.T) {
	for range 200 {
		seed := rand.Uint64() //nolint:gosec // printed
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // reproducible
			backlogRun(t, r)
		})
	}
}

// backlogRun is one run of the model. Items are the numbers in order of their pushes.
func backlogRun(t *testing.T, r *rand.Rand) {
	custom := r.IntN(2) == 0
	q := &backlog{capacity: 1 + r.IntN(30), batchSize: 1 + r.IntN(8), maxBytes: r.IntN(2) * r.IntN(60)}
	m := &model{waiting: map[int]bool{}, sending: map[int]bool{}, collected: map[int]bool{}}
	var out []*batch
	next, flush := 0, uint64(1)
	for i := range 400 {
		step := fmt.Sprintf("step %d", i)
		switch r.IntN(11) {
		case 0, 1, 2, 3:
			step += ": push"
			q.push(entryOf(next, false))
			m.push(q, next)
			next++
		case 4, 5:
			step += ": take"
			if custom && len(out) > 0 {
				continue
			}
			out = append(out, m.take(t, q, task{upTo: uint64(r.IntN(next + 2)), flush: flush})...) //nolint:gosec // small
		case 6, 7:
			step += ": ack or put back"
			if len(out) == 0 {
				continue
			}
			at := r.IntN(len(out))
			m.finish(r, q, out[at], custom, flush)
			out = slices.Delete(out, at, at+1)
		case 8:
			step += ": collection"
			n := r.IntN(6)
			m.pushCollection(q, next, n)
			next += n
		case 9:
			step += ": spill"
			m.spill(r, q)
		default:
			step += ": next flush"
			flush++
		}
		m.check(t, q, step)
	}
}

// pushCollection pushes n items from first on.
func (m *model) pushCollection(q *backlog, first, n int) {
	var entries []entry
	for item := first; item < first+n; item++ {
		entries = append(entries, entryOf(item, true))
		m.collected[item] = true
	}
	if n > 0 {
		m.collection = first
		m.supersede(m.waiting, slices.Collect(maps.Keys(m.waiting)))
	}
	for item := first; item < first+n; item++ {
		m.push(q, item)
	}
	q.pushCollection(entries)
}

// supersede removes those of items that the latest collection has replaced from a set.
func (m *model) supersede(from map[int]bool, items []int) {
	for _, item := range items {
		if from[item] && item < m.collection && entryOf(item, m.collected[item]).replaceable {
			delete(from, item)
			m.stats.Superseded++
		}
	}
}

func (m *model) push(q *backlog, item int) {
	m.stats.Ended++
	bytes := 0
	for pending := range maps.Keys(m.waiting) {
		bytes += sizeOf(pending)
	}
	for pending := range maps.Keys(m.sending) {
		bytes += sizeOf(pending)
	}
	for {
		tooMany := len(m.waiting)+len(m.sending) >= q.capacity
		switch {
		case tooMany:
			m.stats.Dropped.QueueFull++
		case q.maxBytes > 0 && bytes+sizeOf(item) > q.maxBytes:
			m.stats.Dropped.QueueBytes++
		default:
			m.waiting[item] = true
			return
		}
		if len(m.waiting) == 0 || q.maxBytes > 0 && sizeOf(item) > q.maxBytes {
			return
		}
		oldest := slices.Min(slices.Collect(maps.Keys(m.waiting)))
		delete(m.waiting, oldest)
		bytes -= sizeOf(oldest)
	}
}

// take asserts that a batch is in order and matches the task, and that there is one if an item waits for it.
func (m *model) take(t *testing.T, q *backlog, k task) []*batch {
	t.Helper()
	first := uint64(math.MaxUint64)
	for _, x := range q.waiting() {
		first = min(first, x.number)
	}
	waits := first < k.upTo
	b := q.take(k)
	if b == nil {
		if waits {
			t.Fatal("took nothing")
		}
		return nil
	}
	items := itemsIn(b.entries)
	for _, item := range items {
		if !m.waiting[item] {
			t.Fatalf("took %d, which does not wait", item)
		}
		delete(m.waiting, item)
		m.sending[item] = true
	}
	if waits && b.oldest() != first {
		t.Fatalf("took %v, but %d waits", items, first)
	}
	if len(items) == 0 || !slices.IsSorted(items) || b.oldest() >= k.upTo || b.failed.flush == k.flush {
		t.Fatalf("took %v for %+v", items, k)
	}
	return []*batch{b}
}

// finish acknowledges a part of the batch, as after a request, and puts the rest back.
func (m *model) finish(r *rand.Rand, q *backlog, b *batch, custom bool, flush uint64) {
	items := itemsIn(b.entries)
	if n := len(items); n > 0 && r.IntN(3) > 0 {
		part := 1 + r.IntN(n)
		o := Outcome(r.IntN(5))
		rejected := int64(r.IntN(part + 2))
		q.ack(b, b.entries[part-1].number+1, o, rejected)
		if o.permanent() {
			m.settle(items[:part], o, min(rejected, int64(part)))
		}
	}
	if custom && r.IntN(2) == 0 {
		b.failed.add(flush, q.delivered, r.IntN(2) == 0)
	}
	m.supersede(m.sending, items)
	for _, item := range items {
		if m.sending[item] {
			delete(m.sending, item)
			m.waiting[item] = true
		}
	}
	q.putBack(b)
}

func (m *model) settle(items []int, o Outcome, rejected int64) {
	for _, item := range items {
		delete(m.sending, item)
	}
	n := int64(len(items))
	switch o {
	case Accepted:
		m.stats.Exported += n - rejected
		m.stats.Dropped.Rejected += rejected
	case TooLarge:
		m.stats.Dropped.TooLarge += n
	default:
		m.stats.Dropped.Refused += n
	}
}

// spill writes some of the pending items.
func (m *model) spill(r *rand.Rand, q *backlog) {
	all := q.pending()
	from := r.IntN(len(all) + 1)
	written := all[from : from+r.IntN(len(all)-from+1)]
	q.spilled(written)
	for _, item := range itemsIn(written) {
		delete(m.waiting, item)
		delete(m.sending, item)
	}
	m.stats.Spilled += int64(len(written))
}
