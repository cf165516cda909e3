package otelx_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

func TestSpanLimits(t *testing.T) {
	x := tracetest.NewInMemoryExporter()
	s, err := newSDK(t, otelx.WithExporter(x), environ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=9", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=3",
		"OTEL_ATTRIBUTE_COUNT_LIMIT=2", "OTEL_SPAN_EVENT_COUNT_LIMIT=1", "OTEL_SPAN_LINK_COUNT_LIMIT=1", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT=1",
		"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT=0"))
	if err != nil {
		t.Error(err)
	}
	attrs := []attribute.KeyValue{attribute.String("a", "12345"), attribute.Int("b", 1), attribute.Int("c", 1)}
	link := trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}), Attributes: attrs}
	_, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a", trace.WithAttributes(attrs...), trace.WithLinks(link, link))
	sp.AddEvent("1")
	sp.AddEvent("2", trace.WithAttributes(attrs...))
	sp.End()
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stub := x.GetSpans()[0]
	got := []int{
		len(stub.Attributes), len(stub.Attributes[0].Value.AsString()), len(stub.Events), len(stub.Events[0].Attributes),
		len(stub.Links), len(stub.Links[0].Attributes),
	}
	if diff := cmp.Diff([]int{2, 3, 1, 1, 1, 0}, got); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestPropagators(t *testing.T) {
	named := otelx.WithNamedPropagator("mine", mine{})
	for _, c := range []struct {
		opts []otelx.Option
		want string
		err  string
	}{
		{[]otelx.Option{environ()}, "baggage traceparent tracestate", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=baggage")}, "baggage", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=none")}, "", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=mine, baggage,mine"), named}, "baggage mine", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=baggage"), otelx.WithPropagator(mine{})}, "mine", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=baggage"), otelx.Fallback(otelx.WithPropagator(mine{}))}, "baggage", ""},
		{[]otelx.Option{environ(), otelx.Fallback(otelx.WithPropagator(mine{}))}, "mine", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=Mine,BAGGAGE"), named}, "baggage mine", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=b3")}, "b3", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=b3multi")}, "x-b3-flags x-b3-sampled x-b3-spanid x-b3-traceid", ""},
		{[]otelx.Option{environ("OTEL_PROPAGATORS=jaeger")}, "baggage traceparent tracestate", `OTEL_PROPAGATORS="jaeger": "jaeger" is unknown`},
		{
			[]otelx.Option{environ("OTEL_PROPAGATORS=xray,baggage"), named},
			"baggage",
			`OTEL_PROPAGATORS="xray,baggage": "xray" is unknown (write none, tracecontext, baggage, b3, b3multi or mine, separated by commas)`,
		},
	} {
		_, err := newSDK(t, c.opts...)
		fields := otel.GetTextMapPropagator().Fields()
		slices.Sort(fields)
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("fields %q, want %q", got, c.want)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
}

type mine struct{ propagation.Baggage }

func (mine) Fields() []string { return []string{"mine"} }

func TestIDGenerator(t *testing.T) {
	stub, err := exported(t, environ(), otelx.WithIDGenerator(fixedIDs{}))
	if err != nil || stub.SpanContext.TraceID() != (trace.TraceID{7}) {
		t.Errorf("trace id %v, error %v", stub.SpanContext.TraceID(), err)
	}
}

type fixedIDs struct{}

func (fixedIDs) NewIDs(context.Context) (trace.TraceID, trace.SpanID) {
	return trace.TraceID{7}, trace.SpanID{7}
}
func (fixedIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return trace.SpanID{8} }

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name    string
		opts    []otelx.Option
		pending int64 // of 3000 ended
		err     string
	}{
		{"default", []otelx.Option{environ()}, 2048, ""},
		{"environment", []otelx.Option{environ("OTEL_BSP_MAX_QUEUE_SIZE=100")}, 100, ""},
		{"option", []otelx.Option{environ("OTEL_BSP_MAX_QUEUE_SIZE=100"), otelx.WithMaxQueueSize(50)}, 50, ""},
		{"fallback", []otelx.Option{environ(), otelx.Fallback(otelx.WithMaxQueueSize(50))}, 50, ""},
		{"environment and fallback", []otelx.Option{environ("OTEL_BSP_MAX_QUEUE_SIZE=100"), otelx.Fallback(otelx.WithMaxQueueSize(50))}, 100, ""},
		{"zero", []otelx.Option{environ("OTEL_BSP_MAX_QUEUE_SIZE=0")}, 2048, `OTEL_BSP_MAX_QUEUE_SIZE="0": out of range (write 1 to 2147483647)`},
		{"negative", []otelx.Option{environ("OTEL_BSP_MAX_QUEUE_SIZE=-5")}, 2048, `OTEL_BSP_MAX_QUEUE_SIZE="-5": out of range`},
		{"option negative", []otelx.Option{environ(), otelx.WithMaxQueueSize(-5)}, 2048, `WithMaxQueueSize(-5): give a number of spans`},
		{
			"batch too large",
			[]otelx.Option{environ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200", "OTEL_BSP_MAX_QUEUE_SIZE=100")},
			100,
			`OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200: more than the queue's 100 spans`,
		},
	} {
		synctest.Test(t, func(t *testing.T) { // which waits for the exports in the background
			held := &heldExporter{gate: make(chan struct{})}
			s, err := newSDK(t, append(c.opts, otelx.WithExporter(held))...)
			s.SetBackgroundExport(false)
			for range 3000 {
				span(s, "a")
			}
			if got := s.Stats().Pending; got != c.pending {
				t.Errorf("%s: %d pending, want %d", c.name, got, c.pending)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			close(held.gate)
		})
	}
}

type heldExporter struct{ gate chan struct{} }

func (h *heldExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	select {
	case <-h.gate:
	case <-ctx.Done():
	}
	return ctx.Err()
}
func (*heldExporter) Shutdown(context.Context) error { return nil }

func TestOptionsInOrderAndNil(t *testing.T) {
	stub, err := exported(t, nil, otelx.Options(nil, otelx.WithIDGenerator(nil), otelx.Options()), environ("OTEL_SERVICE_NAME=deep"),
		config.FromEnv(func(getenv func(string) string) otelx.Option {
			return otelx.WithResource(resource.NewSchemaless(attribute.String("seen", getenv("OTEL_SERVICE_NAME"))))
		}))
	if err != nil {
		t.Error(err)
	}
	if v, _ := stub.Resource.Set().Value("seen"); v.AsString() != "deep" {
		t.Errorf("FromEnv saw %q", v.AsString())
	}
}
