package otelx

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// held returns what o keeps from being collected as garbage.
func (o *openSpans) held() (n int) {
	defer o.settled()()
	for _, spans := range [][]sdktrace.ReadWriteSpan{o.known, o.started.spans, o.started.spare} {
		for _, s := range spans[:cap(spans)] {
			if s != nil {
				n++
			}
		}
	}
	return n
}

// settled waits for the sweep under way, and keeps others away until the result is called.
func (o *openSpans) settled() (release func()) {
	o.sweeping.Lock()
	o.mu.Lock()
	return func() { o.mu.Unlock(); o.sweeping.Unlock() }
}

// kept returns how many spans o knows, ended ones that nobody has swept out included.
func (o *openSpans) kept() int {
	defer o.settled()()
	return len(o.known) + len(o.started.spans)
}

// TestOpenSpansAgreeWithAMap starts and ends at random, and compares the list with a map.
func TestOpenSpansAgreeWithAMap(t *testing.T) {
	for _, bound := range []int{1, 3, 100, 1000} {
		rng := rand.New(rand.NewPCG(uint64(bound), 1))
		s, _ := newInMemory(t, bound)
		o := s.processor.open
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
		list := o.list()
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
	s.SetIntervalFlush(false)
	o := s.processor.open
	_, open := s.TracerProvider().Tracer("test").Start(t.Context(), "open")
	for range 10 * bound {
		end(s, "a")
		if n := o.kept(); n > bound/2+1 {
			t.Fatalf("%d spans are kept without a flush", n)
		}
	}
	_ = s.ForceFlush(t.Context())
	if n := o.held(); n != 1 {
		t.Errorf("%d spans are held after a flush, want the open one", n)
	}
	open.End()
	if n := len(o.list()) + o.held(); n != 0 {
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
		if n := s.processor.open.held(); n != 0 {
			t.Errorf("%d spans are held after the interval flush, want none", n)
		}
	})
}

// A span whose start is told to be in the future gives way neither sooner nor later than others do, and stands in
// nobody's way.
func TestForgottenSpansGiveWayBehindOthers(t *testing.T) {
	const bound = 64
	s, _ := newInMemory(t, bound)
	s.processor.queue.half = 10 * bound
	tracer := s.TracerProvider().Tracer("test")
	_, future := tracer.Start(t.Context(), "future", trace.WithTimestamp(time.Now().Add(time.Hour)))
	for range bound {
		tracer.Start(t.Context(), "forgotten", trace.WithTimestamp(time.Now().Add(-time.Hour)))
	}
	_, young := tracer.Start(t.Context(), "young")
	known := func(span trace.Span) bool {
		return slices.ContainsFunc(s.processor.open.list(), func(o sdktrace.ReadWriteSpan) bool { return o.SpanContext().Equal(span.SpanContext()) })
	}
	if !known(young) || !known(future) || len(s.processor.open.list()) != bound {
		t.Error("a forgotten span has not given way to a young one")
	}
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
				list := s.processor.open.list()
				if !slices.ContainsFunc(list, func(o sdktrace.ReadWriteSpan) bool { return o.SpanContext().Equal(open.SpanContext()) }) {
					t.Error("the open span is not listed")
				}
				s.processor.open.sweep()
			}
		})
	}
	all.Wait()
	if n := len(s.processor.open.list()); n != 1 {
		t.Errorf("%d spans are listed, want 1", n)
	}
	wantStats(t, s, Stats{Ended: 4000, Pending: 4000})
}
