package otelx

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// held returns how many started spans q keeps from being collected as garbage, whether they have ended or not.
func (q *queue) held() (n int) {
	q.guard.Lock()
	defer q.guard.Unlock()
	for _, s := range q.open.slots {
		if s.span != nil {
			n++
		}
	}
	for i := range q.lanes.all {
		for _, spans := range [][]sdktrace.ReadWriteSpan{q.lanes.all[i].started.spans, q.lanes.all[i].started.taken} {
			for _, s := range spans[:cap(spans)] {
				if s != nil {
					n++
				}
			}
		}
	}
	return n
}

// TestOpenSpansAgreeWithAMap starts and ends at random, and compares the list with a map.
func TestOpenSpansAgreeWithAMap(t *testing.T) {
	for _, bound := range []int{1, 3, 100, 1000} {
		rng := rand.New(rand.NewPCG(uint64(bound), 1))
		s, _ := newInMemory(t, bound)
		var open []trace.Span
		for range 5000 {
			if n := len(open); n > 0 && rng.IntN(2) == 0 {
				i := rng.IntN(n)
				open[i].End()
				open = slices.Delete(open, i, i+1)
				continue
			}
			if len(open) < bound { // which of more are known depends on when others are swept out
				_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
				open = append(open, span)
			}
		}
		want := map[trace.SpanID]bool{}
		for _, span := range open {
			want[span.SpanContext().SpanID()] = true
		}
		list := s.processor.queue.openSpans()
		for _, span := range list {
			if !want[span.SpanContext().SpanID()] {
				t.Errorf("bound %d: a span that is not open is listed, or twice", bound)
			}
			delete(want, span.SpanContext().SpanID())
		}
		if len(want) > 0 || !slices.IsSortedFunc(list, func(a, b sdktrace.ReadWriteSpan) int { return a.StartTime().Compare(b.StartTime()) }) {
			t.Errorf("bound %d: %d of %d open spans are missing, or not in order", bound, len(want), len(open))
		}
	}
}

// What has ended must not cost memory for longer than its snapshot does.
func TestEndedSpansAreLetGo(t *testing.T) {
	const bound = 1000
	s := start(&fakeExporter{}, sized{bound: bound})
	s.SetBackgroundExport(false)
	q := s.processor.queue
	_, open := s.TracerProvider().Tracer("test").Start(t.Context(), "open")
	for range 10 * bound {
		end(s, "a")
		if n := q.held(); n > bound/2+1 {
			t.Fatalf("%d spans are kept without a flush", n)
		}
	}
	_ = s.ForceFlush(t.Context())
	if n := q.held(); n != 1 {
		t.Errorf("%d spans are held after a flush, want the open one", n)
	}
	open.End()
	if n := len(q.openSpans()) + q.held(); n != 0 {
		t.Errorf("%d spans are listed or held, want none", n)
	}
}

// In a service that has become idle only the interval flush is left to let go of them: no flush is called and no span
// starts.
func TestTheIntervalFlushLetsGoOfEndedSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true, delay: time.Second})
		end(s, "a", "b", "c")
		time.Sleep(time.Hour)
		synctest.Wait()
		wantCalls(t, x, "a b c")
		if n := s.processor.queue.held(); n != 0 {
			t.Errorf("%d spans are held after the interval flush, want none", n)
		}
	})
}

// How long a span has been open is not for the program to say, which may tell any time as its start.
func TestForgottenSpansGiveWayWhateverTheirStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 64
		s, _ := newInMemory(t, bound)
		s.SetBackgroundExport(false)
		tracer := s.TracerProvider().Tracer("test")
		open := func(n int, at time.Duration) {
			for range n {
				tracer.Start(t.Context(), "a", trace.WithTimestamp(time.Now().Add(at)))
			}
		}
		known := func() (n int) {
			for _, o := range s.processor.queue.openSpans() {
				if o.Name() == "young" {
					n++
				}
			}
			return n
		}
		open(bound, time.Hour)
		if n := len(s.processor.queue.openSpans()); n != bound {
			t.Fatalf("%d spans are open, want %d", n, bound)
		}
		time.Sleep(16 * time.Minute)
		for range bound {
			tracer.Start(t.Context(), "young", trace.WithTimestamp(time.Now().Add(-time.Hour)))
		}
		if n := known(); n != bound {
			t.Errorf("%d young spans are known among forgotten ones, want all %d", n, bound)
		}
		open(bound, 0)
		if n := known(); n != bound {
			t.Errorf("%d young spans are known once others have come, want all %d", n, bound)
		}
	})
}

// TestOpenSpansStorm starts, ends, lists and sweeps at once: a span that is open all the while is always listed.
func TestOpenSpansStorm(t *testing.T) {
	s, _ := newInMemory(t, 4000)
	s.processor.queue.half = 1e6
	_, open := s.TracerProvider().Tracer("test").Start(t.Context(), "open")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				end(s, "a", "b")
			}
		})
		all.Go(func() {
			for range 100 {
				list := s.processor.queue.openSpans()
				if !slices.ContainsFunc(list, func(o sdktrace.ReadWriteSpan) bool { return o.SpanContext().Equal(open.SpanContext()) }) {
					t.Error("the open span is not listed")
				}
			}
		})
	}
	all.Wait()
	if n := len(s.processor.queue.openSpans()); n != 1 {
		t.Errorf("%d spans are listed, want 1", n)
	}
	wantStats(t, s, Stats{Ended: 4000, Pending: 4000})
}

// perTrace makes ids as a program may have them: traces are counted, and in each its spans.
type perTrace struct {
	traces uint64
	spans  map[trace.TraceID]uint64
}

func (g *perTrace) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	g.traces++
	binary.BigEndian.PutUint64(id[8:], g.traces)
	return id, g.NewSpanID(ctx, id)
}

func (g *perTrace) NewSpanID(_ context.Context, id trace.TraceID) (span trace.SpanID) {
	g.spans[id]++
	binary.BigEndian.PutUint64(span[:], g.spans[id])
	return span
}

// A span id is unique in its trace only. Of the open spans with one id, the last alone was known, and was no more when
// another of them ended.
func TestOpenSpansOfOneIDInSeveralTraces(t *testing.T) {
	s, x := newInMemory(t, 1000)
	tracer := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(s.processor), sdktrace.WithIDGenerator(&perTrace{spans: map[trace.TraceID]uint64{}}),
	).Tracer("test")
	for range 100 {
		ctx, _ := tracer.Start(t.Context(), "root")
		tracer.Start(ctx, "child")
		_, done := tracer.Start(ctx, "done")
		done.End()
	}
	if n := s.EndOpenSpans(nil, "", "SIGTERM"); n != 200 {
		t.Errorf("%d spans were open, want 200", n)
	}
	if got := flushed(t, s, x); len(got) != 300 {
		t.Errorf("%d spans have ended, want 300", len(got))
	}
}
