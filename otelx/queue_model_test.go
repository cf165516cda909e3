package otelx

import (
	"slices"
	"strconv"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// model is the queue as one would write it if time did not matter: a list of what is pending, and counts.
type model struct {
	bound, half, batchSize int

	pending  []modelSpan // by number
	next     uint64
	closed   bool
	stats    Stats // but Pending
	reported Dropped
}

type modelSpan struct {
	number uint64
	name   string
	flies  bool
}

func (m *model) waits() (n int) {
	for _, s := range m.pending {
		if !s.flies {
			n++
		}
	}
	return n
}

func (m *model) oldestWaiting() int {
	return slices.IndexFunc(m.pending, func(s modelSpan) bool { return !s.flies })
}

func (m *model) add(name string) edge {
	m.stats.Ended++
	if m.closed {
		m.stats.Dropped.AfterShutdown++
		return noEdge
	}
	if len(m.pending) == m.bound {
		m.stats.Dropped.QueueFull++
		oldest := m.oldestWaiting()
		if oldest < 0 {
			return noEdge
		}
		m.pending = slices.Delete(m.pending, oldest, oldest+1)
	}
	m.pending = append(m.pending, modelSpan{number: m.next, name: name})
	m.next++
	switch n := m.waits(); {
	case n == m.half, n > m.half && m.next%uint64(m.batchSize) == 0:
		return becameHalf
	case n == 1:
		return becameUsed
	}
	return noEdge
}

// fly marks the spans of numbers from begin up to end.
func (m *model) fly(begin, end uint64, flies bool) {
	for i := range m.pending {
		if s := &m.pending[i]; begin <= s.number && s.number < end {
			s.flies = flies
		}
	}
}

func (m *model) done(begin, end uint64) {
	m.pending = slices.DeleteFunc(m.pending, func(s modelSpan) bool { return begin <= s.number && s.number < end })
}

func (m *model) settled(target uint64) bool {
	return len(m.pending) == 0 || m.pending[0].number >= target
}

func (m *model) account() Stats {
	s := m.stats
	s.Pending = int64(len(m.pending))
	return s
}

// twins are a queue and its model, to which the same is done.
type twins struct {
	*testing.T
	queue  *queue
	model  *model
	made   int
	marks  []uint64 // targets of flushes, the latest last
	flying []*batch
}

// FuzzQueue does to a queue and to the model what the input says, and compares what can be seen of them.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{7, 2, 0, 0, 0, 0, 0, 5, 6, 8, 16, 12, 1, 2, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 4, 0, 3, 14, 0, 15})
	f.Add([]byte("bound, batch, lanes, and then one deed after the other, with a byte for how much now and then"))
	f.Fuzz(func(t *testing.T, deeds []byte) {
		if len(deeds) < 3 {
			return
		}
		bound := int(deeds[0])%40 + 1
		batchSize := int(deeds[1])%bound + 1
		w := &twins{T: t, queue: newQueue(bound, batchSize)}
		w.queue.lanes = newLanes(int(deeds[2])%4 + 1)
		w.model = &model{bound: bound, half: w.queue.half, batchSize: batchSize}
		for _, deed := range deeds[3:] {
			w.do(int(deed)%16, int(deed)/16)
		}
		w.compare()
	})
}

func (w *twins) do(deed, much int) {
	switch deed {
	default:
		for range much + 1 {
			w.add(true)
		}
	case 8:
		w.add(false)
	case 9:
		w.marks = append(w.marks, w.queue.mark())
		if got := w.marks[len(w.marks)-1]; got != w.model.next {
			w.Fatalf("mark %d, want %d", got, w.model.next)
		}
	case 10, 11:
		w.take()
	case 12:
		w.settle(much)
	case 13:
		w.release(much)
	case 14:
		w.compare()
	case 15:
		if much == 0 {
			w.queue.close()
			w.model.closed = true
		}
	}
}

func (w *twins) add(sampled bool) {
	w.made++
	stub := tracetest.SpanStub{Name: strconv.Itoa(w.made), EndTime: time.Unix(int64(w.made), 0)}
	want := noEdge
	if sampled {
		stub.SpanContext = stub.SpanContext.WithTraceFlags(trace.FlagsSampled)
		want = w.model.add(stub.Name)
	}
	if got := w.addFrom(w.made%len(w.queue.lanes.all), stub.Snapshot()); got != want {
		w.Fatalf("span %s: edge %d, want %d", stub.Name, got, want)
	}
	lies := w.lies()
	if held := lies + w.queue.waits + w.queue.flies; held >= w.model.bound+w.queue.slack || w.model.closed && lies > 0 {
		w.Fatalf("%d spans are held, %d of them in the lanes; the bound is %d, closed: %t", held, lies, w.model.bound, w.model.closed)
	}
}

// addFrom is queue.add on the core whose lane is that one.
func (w *twins) addFrom(core int, s sdktrace.ReadOnlySpan) edge {
	l := w.queue.lanes
	mine := &l.all[core]
	mine.mu.Lock()
	l.opened(mine)
	due := mine.ended.put(s)
	mine.mu.Unlock()
	if !due {
		return noEdge
	}
	return w.queue.look()
}

// lies is how many ended spans nobody has looked at.
func (w *twins) lies() (n int) {
	for i := range w.queue.lanes.all {
		n += len(w.queue.lanes.all[i].ended.spans)
	}
	return n
}

// take wants the oldest of what waits below the target: a run of it, and no more than a batch.
func (w *twins) take() {
	if len(w.marks) == 0 {
		return
	}
	target := w.marks[len(w.marks)-1]
	b := w.queue.take(target)
	oldest := w.model.oldestWaiting()
	if oldest < 0 || w.model.pending[oldest].number >= target {
		if b != nil {
			w.Fatalf("took %v, want nothing below %d", names(b.live()), target)
		}
		return
	}
	if b == nil || len(b.live()) == 0 || len(b.live()) > w.model.batchSize {
		w.Fatalf("took %v, want 1 to %d spans", b, w.model.batchSize)
	}
	var want []string
	for i, s := range w.model.pending[oldest:] {
		if i < len(b.live()) && !s.flies && s.number == b.oldest()+uint64(i) {
			want = append(want, s.name)
		}
	}
	if !slices.Equal(names(b.live()), want) {
		w.Fatalf("took %v from %d, want the oldest %v", names(b.live()), b.oldest(), want)
	}
	w.model.fly(b.oldest(), b.end(), true)
	w.flying = append(w.flying, b)
}

func (w *twins) settle(much int) {
	if len(w.flying) == 0 {
		return
	}
	b := w.flying[0]
	if len(b.live()) == 0 {
		return
	}
	o := outcome{n: much%len(b.live()) + 1, verdict: verdict(much % 5)}
	from, n := b.oldest(), int64(o.n)
	w.queue.settle(b, o)
	switch d := &w.model.stats.Dropped; o.verdict {
	case accepted:
		w.model.stats.Exported += n
	case refused:
		d.Refused += n
	case tooLarge:
		d.TooLarge += n
	default:
		return
	}
	w.model.done(from, from+uint64(n))
}

func (w *twins) release(much int) {
	if len(w.flying) == 0 {
		return
	}
	i := much % len(w.flying)
	b := w.flying[i]
	w.flying = slices.Delete(w.flying, i, i+1)
	w.model.fly(b.oldest(), b.end(), false)
	w.queue.release(b)
}

// compare looks at everything that can be read.
func (w *twins) compare() {
	if got, want := w.queue.account(), w.model.account(); got != want {
		w.Fatalf("account %+v, want %+v", got, want)
	}
	if spans, _ := w.queue.load(); spans != w.model.waits() {
		w.Fatalf("%d spans wait, want %d", spans, w.model.waits())
	}
	for _, target := range append(w.marks, w.model.next) {
		if got := w.queue.settled(target); got != w.model.settled(target) {
			w.Fatalf("settled(%d) is %t", target, got)
		}
	}
	left, numbers := w.queue.leftovers()
	for i, s := range w.model.pending {
		if i >= len(left) || left[i].Name() != s.name || numbers[i] != s.number {
			w.Fatalf("left are %v, want %v", names(left), w.model.pending)
		}
	}
	drops := w.queue.takeDrops()
	if want := w.model.stats.Dropped.minus(w.model.reported); drops != want || len(left) != len(w.model.pending) {
		w.Fatalf("drops %+v, want %+v; %d left, want %d", drops, want, len(left), len(w.model.pending))
	}
	w.model.reported = w.model.stats.Dropped
	if n := w.lies(); n > 0 {
		w.Fatalf("%d spans still lie in the lanes", n)
	}
}
