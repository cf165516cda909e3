package otelx_test

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// start starts a span under ctx, which stays open.
func (f *fixture) start(ctx context.Context, name string) (context.Context, trace.Span) {
	return f.sdk.TracerProvider().Tracer("test").Start(ctx, name)
}

// arrived returns the delivered span called name.
func (f *fixture) arrived(name string) otlpreceiver.Span {
	f.Helper()
	var found []otlpreceiver.Span
	for _, s := range f.backend.Spans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		f.Errorf("span %s has arrived %d times", name, len(found))
		return otlpreceiver.Span{}
	}
	return found[0]
}

// wantEnded asserts the status and error type of a span that EndOpenSpans has ended.
func (f *fixture) wantEnded(name, status, message string, errorType any) {
	f.Helper()
	s := f.arrived(name)
	if s.Status != status || s.StatusMessage != message || s.Attributes["error.type"] != errorType {
		f.Errorf("%s has status %s %q and error.type %v, want %s %q and %v",
			name, s.Status, s.StatusMessage, s.Attributes["error.type"], status, message, errorType)
	}
}

func TestContractEndOpenSpansOfOneRoot(t *testing.T) {
	contract(t, func(f *fixture) {
		ctx, root := f.start(f.Context(), "root")
		child, _ := f.start(ctx, "child")
		_, _ = f.start(child, "grandchild")
		_, done := f.start(ctx, "done")
		done.End()
		_, other := f.start(f.Context(), "other")
		time.Sleep(time.Second)
		if n := f.sdk.EndOpenSpans([][8]byte{root.SpanContext().SpanID()}, "timeout", "no time left"); n != 3 {
			f.Errorf("%d spans ended, want 3", n)
		}
		root.End() // too late, and no second export
		f.mustFlush(time.Second, 0)
		f.wantDelivered("root child grandchild done")
		for _, name := range []string{"root", "child", "grandchild"} {
			f.wantEnded(name, "error", "no time left", "timeout")
		}
		f.wantEnded("done", "unset", "", nil)
		if a, b := f.arrived("root").End, f.arrived("grandchild").End; !a.Equal(b) || a.Before(f.arrived("done").End) {
			f.Errorf("the spans ended at %v and %v, want one moment", a, b)
		}
		other.End()
		f.mustFlush(time.Second, 0)
		f.wantEnded("other", "unset", "", nil)
	})
}

// A span whose parent has ended still counts as below the root, but not below another root of the same trace.
// Spans that the table of open spans has no room for are counted as open until the program ends them.
func TestContractSpansLeftOpenAreCounted(t *testing.T) {
	contract(t, func(f *fixture) {
		tracer := f.sdk.TracerProvider().Tracer("test")
		var last trace.Span
		for range 10 {
			_, last = tracer.Start(f.Context(), "open")
		}
		if n, open := f.sdk.EndOpenSpans(nil, "", "the process ends"), f.sdk.Stats().Open; n != 4 || open != 6 {
			f.Errorf("EndOpenSpans = %d, and %d are open; want 4 and 6", n, open)
		}
		last.End()
		if open, counted := f.sdk.Stats().Open, f.sdk.Counts()[0].Open; open != 5 || counted != 5 {
			f.Errorf("%d and %d are open, want 5", open, counted)
		}
	}, otelx.WithMaxQueueSize(4))
}
