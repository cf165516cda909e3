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

	"go.opentelemetry.io/otel/attribute"
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
	s := start(customExporter{x}, sized{bound: bound, batch: bound})
	s.SetBackgroundExport(false)
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

func TestEndOpenSpansEndsTheRootAndWhatIsBelow(t *testing.T) {
	s, x := newInMemory(t, 100)
	one := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"child", "root"}, [2]string{"grandchild", "child"}, [2]string{"done", "root"})
	other := openTree(s, t.Context(), [2]string{"other", ""}, [2]string{"its child", "other"})
	one["done"].End()
	if n := s.EndOpenSpans([][8]byte{one["root"].SpanContext().SpanID()}, "", "SIGTERM"); n != 3 {
		t.Errorf("EndOpenSpans = %d, want 3", n)
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
	if n := s.EndOpenSpans(nil, "", "all"); n != 2 || other["other"].IsRecording() {
		t.Errorf("EndOpenSpans of all = %d, want 2", n)
	}
	if n := s.EndOpenSpans(nil, "", "all"); n != 0 {
		t.Errorf("EndOpenSpans of nothing = %d", n)
	}
	one["root"].End() // by its owner, late: no second snapshot
	wantStats(t, s, Stats{Ended: 6, Exported: 4, Pending: 2})
}

// A child that starts at the moment of its parent, as a clock may have it, ends before it all the same.
func TestEndOpenSpansOfOneMoment(t *testing.T) {
	s, x := newInMemory(t, 100)
	at := time.Now()
	var want []string
	for i := range 100 {
		s.TracerProvider().Tracer("test").Start(t.Context(), strconv.Itoa(i), trace.WithTimestamp(at.Add(time.Duration(-i%2))))
		want = append(want, strconv.Itoa(i))
	}
	slices.Reverse(want)
	slices.SortStableFunc(want, func(a, b string) int { return int(a[len(a)-1]&1) - int(b[len(b)-1]&1) })
	s.EndOpenSpans(nil, "", "SIGTERM")
	if got := flushed(t, s, x); !slices.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
}

func TestEndOpenSpansBelowAnInnerSpan(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"inner", "root"}, [2]string{"leaf", "inner"})
	if n := s.EndOpenSpans([][8]byte{spans["inner"].SpanContext().SpanID()}, "", "x"); n != 2 || !spans["root"].IsRecording() {
		t.Errorf("EndOpenSpans = %d, root open: %v", n, spans["root"].IsRecording())
	}
}

// A span outlives its parent when a goroutine does; the chain upwards is then broken.
func TestEndOpenSpansFindsSpansWhoseParentHasEnded(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"})
	spans["middle"].End()
	if n := s.EndOpenSpans([][8]byte{spans["root"].SpanContext().SpanID()}, "", "x"); n != 2 || spans["leaf"].IsRecording() {
		t.Errorf("EndOpenSpans = %d, leaf open: %v", n, spans["leaf"].IsRecording())
	}
}

func TestEndOpenSpansOfAnEndedRootFindsItsChildren(t *testing.T) {
	s, _ := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"leaf", "root"})
	spans["root"].End()
	if n := s.EndOpenSpans([][8]byte{spans["root"].SpanContext().SpanID()}, "", "x"); n != 1 {
		t.Errorf("EndOpenSpans = %d, want 1", n)
	}
}

// Two invocations of one trace in one process: what can not be told apart is left alone.
func TestEndOpenSpansDoesNotEndAnotherInvocationOfTheTrace(t *testing.T) {
	s, _ := newInMemory(t, 100)
	caller := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true,
	})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), caller)
	a := openTree(s, ctx, [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"}, [2]string{"direct", "root"})
	b := openTree(s, ctx, [2]string{"root", ""}, [2]string{"middle", "root"}, [2]string{"leaf", "middle"})
	a["middle"].End()
	b["middle"].End()
	if n := s.EndOpenSpans([][8]byte{a["root"].SpanContext().SpanID()}, "", "x"); n != 2 {
		t.Errorf("EndOpenSpans = %d, want root and direct", n)
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
		s.SetBackgroundExport(false)
		tracer := s.TracerProvider().Tracer("test")
		for range 2 * bound {
			tracer.Start(t.Context(), "forgotten")
		}
		_, late := tracer.Start(t.Context(), "late")
		if s.EndOpenSpans([][8]byte{late.SpanContext().SpanID()}, "", "x") != 0 {
			t.Fatal("the table is not full")
		}
		time.Sleep(16 * time.Minute)
		for range bound {
			_, root := tracer.Start(t.Context(), "root")
			if n := s.EndOpenSpans([][8]byte{root.SpanContext().SpanID()}, "", "x"); n != 1 {
				t.Fatalf("EndOpenSpans = %d with a table full of forgotten spans, want 1", n)
			}
		}
		// Those that are young do not give way to others.
		_, first := tracer.Start(t.Context(), "first")
		for range 10 * bound {
			tracer.Start(t.Context(), "young")
		}
		if n := s.EndOpenSpans([][8]byte{first.SpanContext().SpanID()}, "", "x"); n != 1 {
			t.Errorf("EndOpenSpans = %d: a young span gave way", n)
		}
	})
}

// The SDK calls OnEnd inside End, and a processor may start spans there: no lock may be held.
func TestEndOpenSpansHoldsNoLockWhileSpansEnd(t *testing.T) {
	s, _ := newInMemory(t, 100)
	s.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(&reentrant{s: s}), sdktrace.WithSpanProcessor(s.processor))
	openTree(s, t.Context(), [2]string{"a", ""}, [2]string{"b", ""})
	done := make(chan int, 1)
	go func() { done <- s.EndOpenSpans(nil, "", "x") }()
	select {
	case n := <-done:
		if n != 2 {
			t.Errorf("EndOpenSpans = %d, want 2", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("EndOpenSpans is locked out by itself")
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

func TestEndOpenSpansRacesEnd(t *testing.T) {
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
	both.Go(func() { s.EndOpenSpans(nil, "", "x") })
	both.Wait()
	wantStats(t, s, Stats{Ended: 500, Pending: 500})
}

// marks are the attributes of a span as text.
func marks(attrs []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range attrs {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

// named returns the only span of that name.
func named(t *testing.T, x *tracetest.InMemoryExporter, name string) tracetest.SpanStub {
	t.Helper()
	stubs := slices.DeleteFunc(x.GetSpans(), func(s tracetest.SpanStub) bool { return s.Name != name })
	if len(stubs) != 1 {
		t.Fatalf("%d spans %q arrived, want 1", len(stubs), name)
	}
	return stubs[0]
}

func TestEndOpenSpansSaysWhatKindOfError(t *testing.T) {
	s, x := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"child", "root"}, [2]string{"other", ""})
	spans["child"].SetAttributes(attribute.String("error.type", "503"))
	if n := s.EndOpenSpans([][8]byte{spans["root"].SpanContext().SpanID()}, "timeout", "too late"); n != 2 {
		t.Errorf("EndOpenSpans = %d, want 2", n)
	}
	s.EndOpenSpans(nil, "", "stopped")
	flushed(t, s, x)
	for name, want := range map[string][2]string{
		"root": {"timeout", "too late"}, "child": {"503", "too late"}, "other": {"", "stopped"},
	} {
		stub := named(t, x, name)
		if got := marks(stub.Attributes)["error.type"]; got != want[0] || stub.Status.Description != want[1] {
			t.Errorf("%s: error.type %q, status %+v; want %q", name, got, stub.Status, want)
		}
	}
}

// Each span is below the roots or not, whatever the number of roots.
func TestEndOpenSpansOfSeveralRoots(t *testing.T) {
	s, x := newInMemory(t, 100)
	one := openTree(s, t.Context(), [2]string{"one", ""}, [2]string{"middle", "one"}, [2]string{"orphan", "middle"})
	two := openTree(s, t.Context(), [2]string{"two", ""}, [2]string{"inner", "two"}, [2]string{"leaf", "inner"})
	three := openTree(s, t.Context(), [2]string{"three", ""})
	one["middle"].End()
	if n := s.EndOpenSpans([][8]byte{}, "", "x"); n != 0 {
		t.Errorf("%d spans ended without a root", n)
	}
	roots := [][8]byte{one["one"].SpanContext().SpanID(), two["inner"].SpanContext().SpanID(), {}}
	if n := s.EndOpenSpans(roots, "timeout", "x"); n != 4 {
		t.Errorf("EndOpenSpans = %d, want one, orphan, inner and leaf", n)
	}
	if got := flushed(t, s, x); !slices.Equal(got, []string{"middle", "leaf", "inner", "orphan", "one"}) || !two["two"].IsRecording() || !three["three"].IsRecording() {
		t.Errorf("ended %q", got)
	}
}

// A generator of the program's own may make parents that form a circle, and the same span IDs in each trace.
func TestForestOfStrangeIDs(t *testing.T) {
	span := func(trace, id, parent byte) sdktrace.ReadWriteSpan { return strangeSpan{nil, trace, id, parent} }
	spans := []sdktrace.ReadWriteSpan{span(1, 1, 2), span(1, 2, 1), span(2, 1, 3), span(2, 3, 0), span(3, 1, 0)}
	if got := len(below([][8]byte{{3}}, slices.Clone(spans))); got != 2 {
		t.Errorf("%d spans below 3, want itself and 1 of its trace", got)
	}
	if got := len(below([][8]byte{{1}}, slices.Clone(spans))); got != 4 {
		t.Errorf("%d spans below 1, want all but 3", got)
	}
}

type strangeSpan struct {
	sdktrace.ReadWriteSpan
	trace, id, parent byte
}

func (s strangeSpan) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{s.trace}, SpanID: trace.SpanID{s.id}})
}

func (s strangeSpan) Parent() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{s.trace}, SpanID: trace.SpanID{s.parent}})
}

// Ten thousand roots cost one pass over the open spans: a chain of as many spans is not walked once for each.
func TestEndOpenSpansTakesOnePass(t *testing.T) {
	const n = 10_000
	var spans []sdktrace.ReadWriteSpan
	var roots [][8]byte
	looked := 0
	id := func(i int) (out trace.SpanID) { out[0], out[1], out[2] = 1, byte(i), byte(i>>8); return out }
	for i := range n {
		spans = append(spans, chained{nil, id(i + 1), id(i), &looked})
		roots = append(roots, [8]byte{9, byte(i), byte(i >> 8)})
	}
	if got := len(below(roots, spans)); got != 0 || looked > 10*n {
		t.Errorf("%d selected, %d looks at spans", got, looked)
	}
}

type chained struct {
	sdktrace.ReadWriteSpan
	id, parent trace.SpanID
	looked     *int
}

func (s chained) SpanContext() trace.SpanContext { return s.context(s.id) }
func (s chained) Parent() trace.SpanContext      { return s.context(s.parent) }

func (s chained) context(id trace.SpanID) trace.SpanContext {
	*s.looked++
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: id})
}
