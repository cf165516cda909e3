package traces_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const queueBytes = 32 << 20 // of a function with 128 MB

// TestMemoryOfSpansIsBounded asserts that a queue drops large spans before they fill the memory, wherever they are large.
func TestMemoryOfSpansIsBounded(t *testing.T) {
	const size = 1 << 20
	text := strings.Repeat("x", size)
	for name, enlarge := range map[string]func(trace.Span){
		"name":     func(s trace.Span) { s.SetName(text) },
		"status":   func(s trace.Span) { s.SetStatus(codes.Error, text) },
		"key":      func(s trace.Span) { s.SetAttributes(attribute.Int(text, 1)) },
		"string":   func(s trace.Span) { s.SetAttributes(attribute.String("k", text)) },
		"bytes":    func(s trace.Span) { s.SetAttributes(attribute.ByteSlice("k", []byte(text))) },
		"booleans": func(s trace.Span) { s.SetAttributes(attribute.BoolSlice("k", make([]bool, size))) },
		"integers": func(s trace.Span) { s.SetAttributes(attribute.Int64Slice("k", make([]int64, size/8))) },
		"floats":   func(s trace.Span) { s.SetAttributes(attribute.Float64Slice("k", make([]float64, size/8))) },
		"strings": func(s trace.Span) {
			s.SetAttributes(attribute.StringSlice("k", []string{text[:size/2], text[:size/2]}))
		},
		"many parts":  func(s trace.Span) { s.SetAttributes(attribute.StringSlice("k", make([]string, size/16))) },
		"a list":      func(s trace.Span) { s.SetAttributes(attribute.Slice("k", attribute.StringValue(text))) },
		"a map":       func(s trace.Span) { s.SetAttributes(attribute.Map("k", attribute.String("k", text))) },
		"event":       func(s trace.Span) { s.AddEvent(text) },
		"of an event": func(s trace.Span) { s.AddEvent("e", trace.WithAttributes(attribute.String("k", text))) },
		"of a link": func(s trace.Span) {
			s.AddLink(trace.Link{SpanContext: s.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("k", text)}})
		},
		"events": func(s trace.Span) {
			for range 128 {
				s.AddEvent("e", trace.WithAttributes(attribute.String("k", text[:size/128])))
			}
		},
	} {
		p, queue := newProcessor(down{}, 100, 100)
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("test")
		for range 40 {
			_, span := tracer.Start(context.Background(), "large")
			enlarge(span)
			span.End()
		}
		_ = queue.Shutdown(t.Context())
		if s := queue.Stats(); s.Dropped.QueueBytes < 40-queueBytes/size || s.Dropped.QueueBytes > 30 {
			t.Errorf("%s: %d of 40 spans of 1 MiB dropped for the queue's %d MiB", name, s.Dropped.QueueBytes, queueBytes>>20)
		}
	}
}

// TestSpanLargerThanTheQueueIsReduced asserts that such a span is exported, with other spans, in a part of its memory.
func TestSpanLargerThanTheQueueIsReduced(t *testing.T) {
	f := newFixture(t, 100)
	f.start("before").End()
	span := f.start("large")
	span.SetAttributes(attribute.String("text", strings.Repeat("x", 4*queueBytes)), attribute.String("a", "1"))
	span.End()
	f.start("after").End()
	if got := strings.Join(f.ended(), " "); got != "before large after" {
		t.Errorf("exported %q", got)
	}
	attrs := f.span("large").Attributes()
	if text := attrs[0].Value.AsString(); len(attrs) != 2 || len(text) > queueBytes/4 || len(text) < 1<<20 || !strings.HasSuffix(text, "bytes)") {
		t.Errorf("%d attributes, a text of %d bytes", len(attrs), len(text))
	}
}

// down is an exporter that takes nothing.
type down struct{}

func (down) SendItems(context.Context, []sdktrace.ReadOnlySpan) error { return errors.New("down") }
func (down) Close(context.Context) error                              { return nil }

// TestUsualSpansFitIntoASmallFunction asserts that 10,000 spans with ten attributes fit into the queue of a function with 128 MB.
func TestUsualSpansFitIntoASmallFunction(t *testing.T) {
	f := newFixture(t, 100)
	for range 10_000 {
		_, span := f.tracer.Start(context.Background(), "GET /orders/{id}")
		for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			span.SetAttributes(attribute.String("http.request.header."+key, "text/html; charset=utf-8, application/json"))
		}
		span.End()
	}
	if s := f.queue.Stats(); s.Pending+s.Exported != 10_000 {
		t.Errorf("%+v, want 10,000 spans without a drop", s)
	}
}
