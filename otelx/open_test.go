package otelx

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// openTree starts a tree of spans from "name: parent" pairs; parents come first.
func openTree(s *SDK, ctx context.Context, pairs ...[2]string) map[string]trace.Span { //nolint:revive // the SDK is the subject
	ctxs := map[string]context.Context{"": ctx}
	spans := map[string]trace.Span{}
	for _, p := range pairs {
		ctxs[p[0]], spans[p[0]] = s.TracerProvider().Tracer("test").Start(ctxs[p[1]], p[0])
	}
	return spans
}

func newInMemory(t *testing.T, bound int) (*SDK, *tracetest.InMemoryExporter) {
	t.Helper()
	x := tracetest.NewInMemoryExporter()
	s := start(foreignExporter{x}, sized{bound: bound, batch: bound})
	s.SetIntervalFlush(false)
	return s, x
}

// flushed returns the names of what the exporter got, in order.
func flushed(t *testing.T, s *SDK, x *tracetest.InMemoryExporter) []string {
	t.Helper()
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	var out []string
	for _, stub := range x.GetSpans() {
		out = append(out, stub.Name)
	}
	return out
}

func TestEndOpenEndsTheRootAndWhatIsBelow(t *testing.T) {
	s, x := newInMemory(t, 100)
	one := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"child", "root"}, [2]string{"grandchild", "child"}, [2]string{"done", "root"})
	other := openTree(s, t.Context(), [2]string{"other", ""}, [2]string{"its child", "other"})
	one["done"].End()
	if n := s.EndOpen(one["root"].SpanContext().SpanID(), "SIGTERM"); n != 3 {
		t.Errorf("EndOpen = %d, want 3", n)
	}
	if got := flushed(t, s, x); !slices.Equal(got, []string{"done", "grandchild", "child", "root"}) {
		t.Errorf("ended %q", got)
	}
	for _, stub := range x.GetSpans()[1:] {
		if stub.Status.Code != codes.Error || stub.Status.Description != "SIGTERM" {
			t.Errorf("%s has status %+v", stub.Name, stub.Status)
		}
		if !stub.EndTime.Equal(x.GetSpans()[1].EndTime) {
			t.Errorf("%s ended at another moment", stub.Name)
		}
	}
	if n := s.EndOpen([8]byte{}, "all"); n != 2 || other["other"].IsRecording() {
		t.Errorf("EndOpen of all = %d, want 2", n)
	}
	if n := s.EndOpen([8]byte{}, "all"); n != 0 {
		t.Errorf("EndOpen of nothing = %d", n)
	}
	one["root"].End() // by its owner, late: no second snapshot
	wantStats(t, s, Stats{Ended: 6, Exported: 4, Pending: 2})
}

// A child that starts at the moment of its parent, as a clock may have it, ends before it all the same.
func TestEndOpenOfOneMoment(t *testing.T) {
	s, x := newInMemory(t, 100)
	at := time.Now()
	var want []string
	for i := range 100 {
		s.TracerProvider().Tracer("test").Start(t.Context(), strconv.Itoa(i), trace.WithTimestamp(at.Add(time.Duration(-i%2))))
		want = append(want, strconv.Itoa(i))
	}
	slices.Reverse(want)
	slices.SortStableFunc(want, func(a, b string) int { return int(a[len(a)-1]&1) - int(b[len(b)-1]&1) })
	s.EndOpen([8]byte{}, "SIGTERM")
	if got := flushed(t, s, x); !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
}

func TestEndOpenBelowAnInnerSpan(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"inner", "root"}, [2]string{"leaf", "inner"})
	if n := s.EndOpen(spans["inner"].SpanContext().SpanID(), "x"); n != 2 || !spans["root"].IsRecording() {
		t.Errorf("EndOpen = %d, root open: %v", n, spans["root"].IsRecording())
	}
}

// A span outlives its parent when a goroutine does; the chain upwards is then broken.
func TestEndOpenFindsSpansWhoseParentHasEnded(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"})
	spans["middle"].End()
	if n := s.EndOpen(spans["root"].SpanContext().SpanID(), "x"); n != 2 || spans["leaf"].IsRecording() {
		t.Errorf("EndOpen = %d, leaf open: %v", n, spans["leaf"].IsRecording())
	}
}

func TestEndOpenOfAnEndedRootFindsItsChildren(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"leaf", "root"})
	spans["root"].End()
	if n := s.EndOpen(spans["root"].SpanContext().SpanID(), "x"); n != 1 {
		t.Errorf("EndOpen = %d, want 1", n)
	}
}

// Two invocations of one trace in one process: what can not be told apart is left alone.
func TestEndOpenDoesNotEndAnotherInvocationOfTheTrace(t *testing.T) {
	s, _ := newInMemory(t, 100)
	caller := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), caller)
	a := openTree(s, ctx, [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"}, [2]string{"direct", "root"})
	b := openTree(s, ctx, [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"})
	a["middle"].End()
	b["middle"].End()
	if n := s.EndOpen(a["root"].SpanContext().SpanID(), "x"); n != 2 {
		t.Errorf("EndOpen = %d, want root and direct", n)
	}
	if !b["root"].IsRecording() || !b["leaf"].IsRecording() {
		t.Error("a span of the other invocation was ended")
	}
}

func TestOpenSpansAreBounded(t *testing.T) {
	for _, bound := range []int{1, 4, 100, 2048, 5000} {
		s, _ := newInMemory(t, bound)
		s.processor.queue.half = bound * 2
		for range bound + 10 {
			s.TracerProvider().Tracer("test").Start(t.Context(), "a")
		}
		n := len(s.processor.queue.openSpans())
		if n > bound || n < bound*8/10 {
			t.Errorf("bound %d: %d spans are known", bound, n)
		}
	}
}

// A program that forgets to end some of its spans must not lose the others for it.
func TestForgottenSpansGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 128
		s, _ := newInMemory(t, bound)
		s.SetIntervalFlush(false)
		tracer := s.TracerProvider().Tracer("test")
		for range 2 * bound {
			tracer.Start(t.Context(), "forgotten")
		}
		_, late := tracer.Start(t.Context(), "late")
		if s.EndOpen(late.SpanContext().SpanID(), "x") != 0 {
			t.Fatal("the table is not full")
		}
		time.Sleep(16 * time.Minute)
		for range bound {
			_, root := tracer.Start(t.Context(), "root")
			if n := s.EndOpen(root.SpanContext().SpanID(), "x"); n != 1 {
				t.Fatalf("EndOpen = %d with a table full of forgotten spans, want 1", n)
			}
		}
		// Those that are young do not give way to others.
		_, first := tracer.Start(t.Context(), "first")
		for range 10 * bound {
			tracer.Start(t.Context(), "young")
		}
		if n := s.EndOpen(first.SpanContext().SpanID(), "x"); n != 1 {
			t.Errorf("EndOpen = %d: a young span gave way", n)
		}
	})
}

// The SDK calls OnEnd inside End, and a processor may start spans there: no lock may be held.
func TestEndOpenHoldsNoLockWhileSpansEnd(t *testing.T) {
	s, _ := newInMemory(t, 100)
	s.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(&reentrant{s: s}), sdktrace.WithSpanProcessor(s.processor))
	openTree(s, t.Context(), [2]string{"a", ""}, [2]string{"b", ""})
	done := make(chan int, 1)
	go func() { done <- s.EndOpen([8]byte{}, "x") }()
	select {
	case n := <-done:
		if n != 2 {
			t.Errorf("EndOpen = %d, want 2", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("EndOpen is locked out by itself")
	}
}

type reentrant struct {
	s    *SDK
	done atomic.Bool
}

func (*reentrant) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (r *reentrant) OnEnd(sdktrace.ReadOnlySpan) {
	if !r.done.Swap(true) {
		end(r.s, "within")
	}
}
func (*reentrant) Shutdown(context.Context) error   { return nil }
func (*reentrant) ForceFlush(context.Context) error { return nil }

func TestEndOpenRacesEnd(t *testing.T) {
	s, _ := newInMemory(t, 2000)
	s.processor.queue.half = 10000
	var spans []trace.Span
	for range 500 {
		_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
		spans = append(spans, span)
	}
	var both sync.WaitGroup
	both.Go(func() {
		for _, span := range spans {
			span.End()
		}
	})
	both.Go(func() { s.EndOpen([8]byte{}, "x") })
	both.Wait()
	wantStats(t, s, Stats{Ended: 500, Pending: 500})
}
