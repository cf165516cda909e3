package otelx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

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

func TestEndOpenAsSaysWhatKindOfError(t *testing.T) {
	s, x := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"root", ""}, [2]string{"child", "root"}, [2]string{"other", ""})
	spans["child"].SetAttributes(attribute.String("error.type", "503"))
	if n := s.EndOpenAs(spans["root"].SpanContext().SpanID(), "timeout", "too late"); n != 2 {
		t.Errorf("EndOpenAs = %d, want 2", n)
	}
	s.EndOpen([8]byte{}, "stopped")
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

func TestExportOpenCopiesWhatGoesOn(t *testing.T) {
	s, x := newInMemory(t, 100)
	spans := openTree(s, t.Context(), [2]string{"process", ""}, [2]string{"root", "process"}, [2]string{"child", "root"},
		[2]string{"done", "root"}, [2]string{"beside", "process"}, [2]string{"other", ""})
	spans["done"].End()
	spans["child"].SetAttributes(attribute.String("key", "value"))
	spans["child"].AddEvent("event")
	spans["root"].SetStatus(codes.Ok, "")
	began := time.Now()
	n, err := s.ExportOpen(t.Context(), spans["root"].SpanContext().SpanID(), "timeout", "about to time out")
	if n != 3 || err != nil {
		t.Fatalf("ExportOpen = %d, %v; want the root, its child and its parent", n, err)
	}
	child := named(t, x, "child")
	if child.SpanContext.SpanID() != spans["child"].SpanContext().SpanID() || child.Parent.SpanID() != spans["root"].SpanContext().SpanID() {
		t.Errorf("the copy has another place in the trace: %+v", child)
	}
	if child.EndTime.Before(began) || child.Status != (sdktrace.Status{Code: codes.Error, Description: "about to time out"}) {
		t.Errorf("the copy ends at %v with %+v", child.EndTime, child.Status)
	}
	if m := marks(child.Attributes); m["key"] != "value" || m["error.type"] != "timeout" || m["epilogue.provisional"] != "true" {
		t.Errorf("the copy has %v", m)
	}
	if len(child.Events) != 1 {
		t.Errorf("the copy has events %v", child.Events)
	}
	if got := named(t, x, "root").Status.Code; got != codes.Ok {
		t.Errorf("an Ok that its owner has set became %v", got)
	}
	named(t, x, "process")
	wantStats(t, s, Stats{Ended: 1, Pending: 1, Provisional: 3})

	spans["child"].SetAttributes(attribute.String("key", "later"))
	if m := marks(named(t, x, "child").Attributes); m["key"] != "value" {
		t.Error("the copy changes with the span")
	}
	x.Reset()
	for _, span := range spans {
		span.End()
	}
	flushed(t, s, x)
	child = named(t, x, "child")
	if m := marks(child.Attributes); len(m) != 1 || m["key"] != "later" || child.Status.Code != codes.Unset {
		t.Errorf("the span itself was changed: %v, %+v", m, child.Status)
	}
	wantStats(t, s, Stats{Ended: 6, Exported: 6, Provisional: 3})
}

func TestExportOpenOfAll(t *testing.T) {
	s, _ := newInMemory(t, 100)
	if n, err := s.ExportOpen(t.Context(), [8]byte{}, "timeout", "x"); n != 0 || err != nil {
		t.Errorf("ExportOpen of nothing = %d, %v", n, err)
	}
	openTree(s, t.Context(), [2]string{"a", ""}, [2]string{"b", "a"}, [2]string{"c", ""})
	if n, err := s.ExportOpen(t.Context(), [8]byte{}, "timeout", "x"); n != 3 || err != nil {
		t.Errorf("ExportOpen of all = %d, %v", n, err)
	}
}

func TestLimitsDoNotSwallowTheMarksOfACopy(t *testing.T) {
	s, x := newInMemory(t, 100)
	s.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.processor),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{AttributeCountLimit: 1, AttributeValueLengthLimit: 3}))
	span := openTree(s, t.Context(), [2]string{"a", ""})["a"]
	span.SetAttributes(attribute.Int("one", 1), attribute.Int("two", 2))
	if _, err := s.ExportOpen(t.Context(), span.SpanContext().SpanID(), "timeout", "x"); err != nil {
		t.Fatal(err)
	}
	a := named(t, x, "a")
	if m := marks(a.Attributes); m["one"] != "1" || m["error.type"] != "timeout" || m["epilogue.provisional"] != "true" {
		t.Errorf("attributes %v", m)
	}
	if a.DroppedAttributes != 1 {
		t.Errorf("%d attributes dropped, want 1", a.DroppedAttributes)
	}
}

func TestExportOpenWithNothingToExportTo(t *testing.T) {
	s := &SDK{}
	if n, err := s.ExportOpen(t.Context(), [8]byte{}, "timeout", "x"); n != 0 || err != nil || s.EndOpenAs([8]byte{}, "timeout", "x") != 0 {
		t.Errorf("ExportOpen = %d, %v", n, err)
	}
}

// What the exporter answers, and what becomes of copies.
func TestExportOpenAttempts(t *testing.T) {
	down := outcome{verdict: retry, err: errDown}
	for name, tt := range map[string]struct {
		script []outcome
		copies int
		calls  int
		failed string
	}{
		"accepted":            {copies: 2, calls: 1},
		"at the second":       {script: []outcome{down}, copies: 2, calls: 2},
		"never":               {script: []outcome{down, down, down, down}, calls: 3, failed: "503"},
		"refused":             {script: []outcome{{verdict: refused, err: errDown}}, calls: 1, failed: "503"},
		"kept":                {script: []outcome{{verdict: keep, err: errDown}}, calls: 1, failed: "503"},
		"one rejected":        {script: []outcome{{rejected: 1, err: errors.New("one was bad")}}, copies: 1, calls: 1, failed: "one was bad"},
		"two requests":        {script: []outcome{{n: 1}}, copies: 2, calls: 2},
		"the first too large": {script: []outcome{{n: 1, verdict: tooLarge, err: errors.New("large")}}, copies: 1, calls: 2, failed: "large"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &fakeExporter{}
				s := start(x, sized{})
				openTree(s, t.Context(), [2]string{"a", ""}, [2]string{"b", "a"})
				x.answer(tt.script...)
				n, err := s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x")
				if n != tt.copies || (err == nil) != (tt.failed == "") || err != nil && !strings.Contains(err.Error(), tt.failed) {
					t.Errorf("ExportOpen = %d, %v", n, err)
				}
				if got := len(x.log()); got != tt.calls {
					t.Errorf("%d attempts, want %d", got, tt.calls)
				}
				wantStats(t, s, Stats{Provisional: int64(tt.copies)})
			})
		})
	}
}

func TestExportOpenReturnsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		openTree(s, t.Context(), [2]string{"a", ""})
		defer x.hold()()
		began := time.Now()
		n, err := s.ExportOpen(within(t, 150*time.Millisecond), [8]byte{}, "timeout", "x")
		if d := time.Since(began); n != 0 || err == nil || d != 150*time.Millisecond {
			t.Errorf("ExportOpen = %d, %v after %v", n, err, d)
		}
		wantStats(t, s, Stats{})
	})
}

// There may be no later: a Retry-After that is too long is not heeded.
func TestExportOpenHeedsARetryAfterThatFits(t *testing.T) {
	for asked, heeded := range map[time.Duration]bool{800 * time.Millisecond: true, time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			s := start(x, sized{})
			openTree(s, t.Context(), [2]string{"a", ""})
			x.answer(outcome{verdict: retry, err: errDown, retryAfter: asked})
			begin := time.Now()
			if n, err := s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x"); n != 1 || err != nil {
				t.Errorf("ExportOpen = %d, %v", n, err)
			}
			if took := time.Since(begin); (took >= asked) != heeded {
				t.Errorf("took %v where the backend had asked for %v", took, asked)
			}
		})
	}
}

// Nor is it kept from trying by what flushes have found.
func TestExportOpenTriesWhileTheBackendIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: retry, err: errDown, retryAfter: time.Minute}}}
		s := start(x, sized{})
		openTree(s, t.Context(), [2]string{"a", ""})
		end(s, "ended")
		if s.ForceFlush(within(t, time.Second)) == nil {
			t.Error("ForceFlush succeeded")
		}
		if n, err := s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x"); n != 1 || err != nil {
			t.Errorf("ExportOpen = %d, %v", n, err)
		}
		wantCalls(t, x, "ended", "a")
	})
}

func TestExportOpenPanics(t *testing.T) {
	s := start(foreignExporter{panicExporter{}}, sized{})
	openTree(s, t.Context(), [2]string{"a", ""})
	for range 2 { // the second finds the exporter free
		if n, err := s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x"); n != 0 || err == nil || !strings.Contains(err.Error(), "panic") {
			t.Errorf("ExportOpen = %d, %v", n, err)
		}
	}
}

// An exporter that can not stand two calls at once gets one after the other, and its Shutdown at the end.
func TestExportOpenBesideFlushAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		s.SetIntervalFlush(false)
		openTree(s, t.Context(), [2]string{"open", ""})
		end(s, "ended")
		release := x.hold()
		var all sync.WaitGroup
		all.Go(func() {
			if n, err := s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x"); n != 1 || err != nil {
				t.Errorf("ExportOpen = %d, %v", n, err)
			}
		})
		synctest.Wait()
		for _, call := range []func(context.Context) error{s.ForceFlush, s.Shutdown} {
			all.Go(func() {
				if err := call(within(t, time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		wantCalls(t, x, "open")
		time.Sleep(100 * time.Millisecond)
		release()
		all.Wait()
		wantCalls(t, x, "open", "ended")
		if x.most() != 1 || x.closed() != 1 {
			t.Errorf("%d exports at once, closed %d times", x.most(), x.closed())
		}
		if n, err := s.ExportOpen(t.Context(), [8]byte{}, "timeout", "x"); n != 0 || !errors.Is(err, errClosed) {
			t.Errorf("ExportOpen after Shutdown = %d, %v", n, err)
		}
	})
}

// Copies under way delay the close, not the caller of Shutdown beyond its context.
func TestShutdownDoesNotWaitForCopiesBeyondItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 8}
		s := start(x, sized{})
		openTree(s, t.Context(), [2]string{"open", ""})
		defer x.hold()()
		var all sync.WaitGroup
		all.Go(func() { _, _ = s.ExportOpen(within(t, time.Second), [8]byte{}, "timeout", "x") })
		synctest.Wait()
		if err := s.Shutdown(within(t, 100*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		all.Wait()
		synctest.Wait()
		if x.closed() != 1 {
			t.Errorf("closed %d times", x.closed())
		}
	})
}

func TestExportOpenRacesItsSpans(t *testing.T) {
	s, x := newInMemory(t, 5000)
	s.processor.queue.half = 10000
	ctx, root := s.TracerProvider().Tracer("test").Start(t.Context(), "root")
	var both sync.WaitGroup
	both.Go(func() {
		for range 300 {
			_, span := s.TracerProvider().Tracer("test").Start(ctx, "a")
			span.SetAttributes(attribute.Int("i", 1))
			span.AddEvent("e")
			span.AddLink(trace.Link{SpanContext: root.SpanContext()})
			span.SetName("b")
			span.End()
		}
	})
	both.Go(func() {
		for range 30 {
			if _, err := s.ExportOpen(t.Context(), root.SpanContext().SpanID(), "timeout", "x"); err != nil {
				t.Error(err)
			}
		}
	})
	both.Wait()
	if got := int64(len(x.GetSpans())); got != s.Stats().Provisional || got < 30 {
		t.Errorf("%d copies arrived, %d counted", got, s.Stats().Provisional)
	}
}

// The encoder reads copies as it reads spans.
func TestExportOpenOverOTLP(t *testing.T) {
	bodies := make(chan string, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		if err := r.Write(&b); err != nil {
			t.Error(err)
		}
		bodies <- b.String()
	}))
	defer backend.Close()
	s, err := New(t.Context(), WithGetenv(func(string) string { return "" }), WithEndpoint(backend.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(within(t, time.Second)) }()
	span := openTree(s, t.Context(), [2]string{"open", ""})["open"]
	if n, err := s.ExportOpen(within(t, 10*time.Second), span.SpanContext().SpanID(), "timeout", "about to"); n != 1 || err != nil {
		t.Fatalf("ExportOpen = %d, %v", n, err)
	}
	body := <-bodies
	for _, text := range []string{"open", "error.type", "timeout", "epilogue.provisional", "about to"} {
		if !strings.Contains(body, text) {
			t.Errorf("the request lacks %q", text)
		}
	}
}

// Who has to wait for his turn has not asked the backend, and says nothing about it.
func TestWaitingForATurnIsNoFailureOfTheBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		openTree(s, t.Context(), [2]string{"open", ""})
		end(s, "ended")
		release := x.hold()
		var copies sync.WaitGroup
		copies.Go(func() { _, _ = s.ExportOpen(within(t, time.Minute), [8]byte{}, "timeout", "x") })
		synctest.Wait()
		for range 3 {
			if err := s.ForceFlush(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ForceFlush: %v", err)
			}
			synctest.Wait()
		}
		wantCalls(t, x, "open")
		if got := s.Stats().Breaker; got != BreakerClosed {
			t.Errorf("breaker %v", got)
		}
		release()
		copies.Wait()
	})
}
