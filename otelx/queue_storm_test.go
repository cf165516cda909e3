package otelx

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// queueStorm is a queue that many goroutines use at once.
type queueStorm struct {
	*testing.T
	queue *queue
	home  map[trace.SpanID]place // of each span; never changed
	added [4]atomic.Int64        // spans whose add has returned, by goroutine

	mu   sync.Mutex
	seen map[trace.SpanID]bool // settled
}

// place says which goroutine ends a span, and as which.
type place struct{ goroutine, at int }

// Whatever adds, takes, gives back and reads at once: no span is settled twice or forgotten, those of a goroutine keep
// their order, a mark covers all that were added before it, and the account adds up within the bound whenever it is read.
func TestQueueStorm(t *testing.T) {
	const each = 3000
	for _, bound := range []int{4, 50, 4 * each} {
		s := &queueStorm{
			T: t, queue: newQueue(bound, max(bound/4, 1)),
			home: map[trace.SpanID]place{}, seen: map[trace.SpanID]bool{},
		}
		s.queue.lanes = newLanes(3)
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(adding{s.queue})).Tracer("test")
		var adders, others sync.WaitGroup
		over := make(chan struct{})
		var spans [len(s.added)][]trace.Span
		for g := range spans {
			for i := range each {
				_, span := tracer.Start(t.Context(), "a")
				spans[g] = append(spans[g], span)
				s.home[span.SpanContext().SpanID()] = place{g, i}
			}
		}
		for g := range spans {
			adders.Go(func() { s.end(g, spans[g]) })
		}
		for g := range 3 {
			others.Go(func() { s.deliver(rand.New(rand.NewPCG(uint64(g), 1)), over) })
			others.Go(func() { s.read(over) })
		}
		adders.Wait()
		close(over)
		others.Wait()
		s.finish()
	}
}

// adding is a span processor that adds to a queue and starts no export.
type adding struct{ *queue }

func (a adding) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) { a.expect(s) }
func (a adding) OnEnd(s sdktrace.ReadOnlySpan)                       { a.add(s) }
func (adding) ForceFlush(context.Context) error                      { return nil }
func (adding) Shutdown(context.Context) error                        { return nil }

func (s *queueStorm) end(g int, spans []trace.Span) {
	for _, span := range spans {
		span.End()
		s.added[g].Add(1)
	}
}

// deliver takes batches and settles some of their spans, until over.
func (s *queueStorm) deliver(rng *rand.Rand, over chan struct{}) {
	for !isClosed(over) {
		if b := s.queue.take(s.queue.mark()); b != nil {
			s.settle(b, rng.IntN(len(b.live())+1))
			s.queue.release(b)
		}
	}
}

// settle settles the first n spans of b, whose order it looks at.
func (s *queueStorm) settle(b *batch, n int) {
	s.mu.Lock()
	last := [len(s.added)]int{-1, -1, -1, -1}
	for i, span := range b.live() {
		id := span.SpanContext().SpanID()
		from := s.home[id]
		if from.at <= last[from.goroutine] || s.seen[id] {
			s.Errorf("span %+v comes after %d, or once more", from, last[from.goroutine])
		}
		last[from.goroutine] = from.at
		if i < n {
			s.seen[id] = true
		}
	}
	s.mu.Unlock()
	if n > 0 {
		s.queue.settle(b, outcome{n: n})
	}
}

// read looks at what has to hold at each moment, until over.
func (s *queueStorm) read(over chan struct{}) {
	for !isClosed(over) {
		var before int64
		for g := range s.added {
			before += s.added[g].Load()
		}
		mark := s.queue.mark()
		a := s.queue.account()
		if a.Ended != a.Exported+a.Pending+a.Dropped.Total() || a.Pending < 0 || a.Pending > int64(s.queue.bound) || a.Ended < before {
			s.Errorf("%d added before, bound %d: %+v", before, s.queue.bound, a)
		}
		if int64(mark)+a.Dropped.QueueFull < before {
			s.Errorf("mark %d does not cover %d spans, %d of them dropped", mark, before, a.Dropped.QueueFull)
		}
	}
}

// finish delivers what is left and compares the account with what was seen.
func (s *queueStorm) finish() {
	for mark := s.queue.mark(); !s.queue.settled(mark); {
		b := s.queue.take(mark)
		s.settle(b, len(b.live()))
		s.queue.release(b)
	}
	a := s.queue.account()
	want := Stats{Ended: int64(len(s.home)), Exported: int64(len(s.seen)), Dropped: Dropped{QueueFull: a.Dropped.QueueFull}}
	if n := len(s.queue.openSpans()); n > 0 {
		s.Errorf("bound %d: %d spans are still open", s.queue.bound, n)
	}
	if a != want || a.Ended != a.Exported+a.Dropped.QueueFull || s.queue.bound >= len(s.home) && a.Dropped.QueueFull > 0 {
		s.Errorf("bound %d: account %+v, want %+v", s.queue.bound, a, want)
	}
}
