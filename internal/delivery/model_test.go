package delivery

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// model is what a queue should hold: where each item is.
type model struct {
	waiting, sending map[int]bool
	stats            Stats
}

// check asserts that q has the same items and counts, and that take would find every batch that it announces.
func (m *model) check(t *testing.T, q *Queue[int], step string) {
	t.Helper()
	got := q.counts()
	want := m.stats
	want.InFlight = int64(len(m.sending))
	want.Pending = int64(len(m.waiting) + len(m.sending))
	if got != want {
		t.Fatalf("%s: %+v, want %+v", step, got, want)
	}
	if got.Ended != got.Exported+got.Pending+got.Dropped.Total()+got.Spilled+got.Superseded {
		t.Fatalf("%s: the counts do not add up: %+v", step, got)
	}
	items, ends := q.pendingItems()
	all := maps.Clone(m.waiting)
	maps.Copy(all, m.sending)
	if !slices.Equal(items, slices.Sorted(maps.Keys(all))) || !slices.IsSorted(ends) {
		t.Fatalf("%s: pending %v, want %v", step, items, all)
	}
	for _, b := range slices.Concat(q.queued, q.inFlight, []*batch[int]{q.current}) {
		if len(b.live()) > q.stream.config.BatchSize {
			t.Fatalf("%s: a batch of %d", step, len(b.live()))
		}
	}
}

// TestQueueModel makes random calls of a queue and of a model and compares them after each.
func TestQueueModel(t *testing.T) {
	for range 200 {
		seed := rand.Uint64() //nolint:gosec // printed
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // reproducible
			queueRun(t, r)
		})
	}
}

type taken struct {
	parcel parcel
	items  []int
}

// queueRun is one run of the model. Items are the numbers in order of their pushes.
func queueRun(t *testing.T, r *rand.Rand) {
	custom := r.IntN(2) == 0
	q := modelQueue(r, custom)
	m := &model{waiting: map[int]bool{}, sending: map[int]bool{}}
	var out []taken
	next, flush := 0, uint64(1)
	for i := range 400 {
		step := fmt.Sprintf("step %d", i)
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			step += ": push"
			m.push(q, next)
			next++
		case 4, 5:
			step += ": take"
			if custom && len(out) > 0 {
				continue
			}
			out = append(out, m.take(t, q, task{upTo: uint64(r.IntN(next + 2)), flush: flush})...) //nolint:gosec // small
		case 6, 7:
			step += ": settle or nack"
			if len(out) == 0 {
				continue
			}
			at := r.IntN(len(out))
			m.finish(r, out[at], flush)
			out = slices.Delete(out, at, at+1)
		case 8:
			step += ": spill"
			m.spill(t, r, q)
		default:
			step += ": next flush"
			flush++
		}
		m.check(t, q, step)
	}
}

func modelQueue(r *rand.Rand, custom bool) *Queue[int] {
	c := Config{Capacity: 1 + r.IntN(30), BatchSize: 1 + r.IntN(8), Delay: time.Hour}
	e := NewItemEngine()
	var q *Queue[int]
	if custom {
		q = NewItemQueue[int](e, c, nopExporter{})
	} else {
		q = NewQueue(e, c, func() Encoder[int] { return nil })
	}
	q.SetBackgroundExport(false)
	return q
}

type nopExporter struct{}

func (nopExporter) SendItems(context.Context, []int) error { return nil }
func (nopExporter) Close(context.Context) error            { return nil }

// push pushes without the thresholds' effects: the model has no flushes.
func (m *model) push(q *Queue[int], item int) {
	m.stats.Ended++
	if len(m.waiting)+len(m.sending) >= q.stream.config.Capacity {
		m.stats.Dropped.QueueFull++
		if len(m.waiting) == 0 {
			q.push(item)
			return
		}
		delete(m.waiting, slices.Min(slices.Collect(maps.Keys(m.waiting))))
	}
	q.push(item)
	m.waiting[item] = true
}

// take asserts that batches announces what take returns, and that a batch is in order and matches the task.
func (m *model) take(t *testing.T, q *Queue[int], k task) []taken {
	t.Helper()
	announced := q.batches(k)
	p := q.take(k)
	if (p == nil) != (announced == 0) {
		t.Fatalf("%d batches announced, taken: %v", announced, p != nil)
	}
	if p == nil {
		return nil
	}
	items, _ := p.(*takenBatch[int]).live()
	for _, item := range items {
		if !m.waiting[item] {
			t.Fatalf("took %d, which does not wait", item)
		}
		delete(m.waiting, item)
		m.sending[item] = true
	}
	if len(items) == 0 || !slices.IsSorted(items) {
		t.Fatalf("took %v for %+v", items, k)
	}
	return []taken{{p, items}}
}

// finish settles a part of the batch, as after a request, or nacks all of it.
func (m *model) finish(r *rand.Rand, b taken, flush uint64) {
	f := b.parcel.(*takenBatch[int])
	items, numbers := f.live()
	if n := len(items); n > 0 && r.IntN(3) > 0 {
		part := 1 + r.IntN(n)
		c := contentOf(numbers[:part])
		o := Outcome(r.IntN(5))
		rejected := int64(r.IntN(part + 2))
		f.ack(c, o, rejected)
		if o.permanent() {
			m.settle(items[:part], o, min(rejected, int64(part)))
		}
	}
	if f.custom() && r.IntN(2) == 0 {
		f.fail(flush, r.IntN(2) == 0)
	}
	for _, item := range items {
		if m.sending[item] {
			delete(m.sending, item)
			m.waiting[item] = true
		}
	}
	f.putBack()
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

// spill writes some of the oldest items. Items that are divisible by 7 cannot be written and stay.
func (m *model) spill(t *testing.T, r *rand.Rand, q *Queue[int]) {
	t.Helper()
	room, waiting := r.IntN(20), len(m.waiting)+len(m.sending)
	var written []int
	pending, _ := q.Spill(func(items []int, spilled func(from, to int)) error {
		for from := 0; from < len(items) && len(written) < room; from++ {
			to := from
			for ; to < min(len(items), from+3) && items[to]%7 != 0; to++ {
				written = append(written, items[to])
			}
			if to > from {
				spilled(from, to)
				from = to - 1
			}
		}
		return nil
	})
	if pending != waiting {
		t.Fatalf("Spill found %d items, want %d", pending, waiting)
	}
	m.remove(written)
	m.stats.Spilled += int64(len(written))
}

func (m *model) remove(items []int) {
	for _, item := range items {
		delete(m.waiting, item)
		delete(m.sending, item)
	}
}

// TestPoisonNeverComesFirstAgain asserts that a batch that a custom exporter has failed is behind all others.
func TestPoisonNeverComesFirstAgain(t *testing.T) {
	q := NewItemQueue[int](NewItemEngine(), Config{Capacity: 100, BatchSize: 2, Delay: time.Hour}, nopExporter{})
	q.SetBackgroundExport(false)
	for i := range 5 {
		q.push(i)
	}
	p := q.take(task{upTo: 5, flush: 1})
	p.fail(1, true)
	p.putBack()
	var order []int
	for p := q.take(task{upTo: 5, flush: 2}); p != nil; p = q.take(task{upTo: 5, flush: 2}) {
		items, _ := p.(*takenBatch[int]).live()
		order = append(order, items...)
	}
	if want := []int{2, 3, 4, 0, 1}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if p := q.take(task{upTo: 5, flush: 1}); p != nil {
		t.Error("a batch was taken twice")
	}
}
