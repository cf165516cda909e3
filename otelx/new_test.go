package otelx_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/otelx"
)

// environ makes an environment of "KEY=value" words.
func environ(vars ...string) otelx.Option {
	return otelx.WithGetenv(func(key string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, key+"="); ok {
				return value
			}
		}
		return ""
	})
}

// newSDK calls New and puts the globals back after the test.
func newSDK(t *testing.T, opts ...otelx.Option) (*otelx.SDK, error) {
	t.Helper()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(provider)
		otel.SetTextMapPropagator(propagator)
	})
	s, err := otelx.New(t.Context(), opts...)
	if s == nil {
		t.Fatal("New returned no SDK")
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return s, err
}

func span(s *otelx.SDK, name string) {
	_, sp := s.TracerProvider().Tracer("test").Start(context.Background(), name)
	sp.End()
}

// exported ends one span and returns it as the exporter gets it.
func exported(t *testing.T, opts ...otelx.Option) (tracetest.SpanStub, error) {
	t.Helper()
	x := tracetest.NewInMemoryExporter()
	s, err := newSDK(t, append(opts, otelx.WithExporter(x))...)
	span(s, "a")
	if ferr := s.ForceFlush(t.Context()); ferr != nil {
		t.Fatal(ferr)
	}
	return x.GetSpans()[0], err
}

func TestNewSetsTheGlobals(t *testing.T) {
	s, err := newSDK(t, environ())
	if err != nil {
		t.Error(err)
	}
	if otel.GetTracerProvider() != s.TracerProvider() {
		t.Error("the global provider is another")
	}
	if got := otel.GetTextMapPropagator().Fields(); !slices.Contains(got, "traceparent") || !slices.Contains(got, "baggage") {
		t.Errorf("the global propagator has fields %q", got)
	}
}

func TestDisabled(t *testing.T) {
	for _, value := range []string{"true", "True", " TRUE "} {
		s, err := newSDK(t, environ("OTEL_SDK_DISABLED="+value))
		if err != nil {
			t.Error(err)
		}
		if _, ok := otel.GetTracerProvider().(noop.TracerProvider); !ok {
			t.Errorf("the global provider is a %T, want the API's no-op", otel.GetTracerProvider())
		}
		if len(otel.GetTextMapPropagator().Fields()) == 0 {
			t.Error("propagation is gone")
		}
		span(s, "a")
		s.SetBackgroundExport(true)
		n := s.EndOpenSpans(nil, "", "x")
		if err := errors.Join(s.ForceFlush(t.Context()), s.Shutdown(t.Context())); err != nil || n != 0 || s.Stats() != (otelx.Stats{}) {
			t.Errorf("the disabled SDK does something: %v, %d, %v", err, n, s.Stats())
		}
	}
}

func TestExporterNoneKeepsTracing(t *testing.T) {
	s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=none"))
	if err != nil {
		t.Error(err)
	}
	_, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
	if !sp.SpanContext().IsSampled() {
		t.Error("spans are not sampled any more: the trace would break for those we call")
	}
	sp.End()
	if s.Stats() != (otelx.Stats{}) {
		t.Errorf("Stats() = %+v", s.Stats())
	}
}

func TestResource(t *testing.T) {
	defaults := otelx.Fallback(otelx.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "default"), attribute.String("a", "default"), attribute.String("d", "default"))))
	option := otelx.WithResource(resource.NewSchemaless(attribute.String("b", "option"), attribute.String("c", "option")))
	for _, c := range []struct {
		name string
		opts []otelx.Option
		want map[string]string
	}{
		{"built in", []otelx.Option{environ()}, map[string]string{"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry"}},
		{"default", []otelx.Option{environ(), defaults}, map[string]string{"service.name": "default"}},
		{
			"environment beats default",
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env, a=%41b%2C"), defaults},
			map[string]string{"service.name": "env", "a": "Ab,", "d": "default"},
		},
		{
			"service name beats attributes",
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env", "OTEL_SERVICE_NAME=name"), defaults},
			map[string]string{"service.name": "name"},
		},
		{
			"option beats environment",
			[]otelx.Option{option, environ("OTEL_RESOURCE_ATTRIBUTES=b=env,a=env"), defaults},
			map[string]string{"a": "env", "b": "option", "c": "option", "d": "default"},
		},
		{
			"options add up",
			[]otelx.Option{environ(), option, otelx.WithResource(resource.NewSchemaless(attribute.String("c", "later")))},
			map[string]string{"b": "option", "c": "later"},
		},
	} {
		stub, err := exported(t, c.opts...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for k, want := range c.want {
			if v, _ := stub.Resource.Set().Value(attribute.Key(k)); v.AsString() != want {
				t.Errorf("%s: %s = %q, want %q", c.name, k, v.AsString(), want)
			}
		}
	}
	stub, _ := exported(t, environ())
	if v, _ := stub.Resource.Set().Value("service.name"); !strings.HasPrefix(v.AsString(), "unknown_service:") {
		t.Errorf("service.name = %q", v.AsString())
	}
}

// The SDK reads the process's variable too: the error about a bad entry must be true of both readings.
func TestBadResourceAttributes(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "a=50%,b,c=d%20e")
	otelerr.Discard(t) // it hears of them from the SDK
	for _, opts := range [][]otelx.Option{nil, {environ("OTEL_RESOURCE_ATTRIBUTES=" + os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))}} {
		stub, err := exported(t, opts...)
		for k, want := range map[attribute.Key]string{"a": "50%", "b": "", "c": "d e"} {
			if v, _ := stub.Resource.Set().Value(k); v.AsString() != want {
				t.Errorf("%s = %q, want %q", k, v.AsString(), want)
			}
		}
		if err == nil || !strings.Contains(err.Error(), `"a=50%" is not percent-encoded (write %25 for %)`) ||
			!strings.Contains(err.Error(), `"b" has no =`) {
			t.Errorf("error %v", err)
		}
	}
}

func TestResourcesOfDifferentSchemasAreMerged(t *testing.T) {
	stub, err := exported(t, environ(), otelx.WithResource(resource.NewWithAttributes("https://example.com/schema", attribute.String("a", "b"))))
	if err != nil {
		t.Error(err)
	}
	if v, _ := stub.Resource.Set().Value("a"); v.AsString() != "b" || stub.Resource.SchemaURL() != "" {
		t.Errorf("resource %v with schema %q", stub.Resource, stub.Resource.SchemaURL())
	}
}

func TestConsole(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=console"))
	os.Stdout = stdout
	if err != nil {
		t.Error(err)
	}
	span(s, "one")
	span(s, "two")
	if err := errors.Join(s.ForceFlush(t.Context()), w.Close()); err != nil {
		t.Error(err)
	}
	out, err := io.ReadAll(r)
	lines := strings.SplitAfter(string(out), "\n")
	if err != nil || len(lines) != 3 || lines[2] != "" {
		t.Fatalf("standard output has %q, error %v", out, err)
	}
	for i, name := range []string{"one", "two"} {
		var request tracepb.TracesData
		if err := protojson.Unmarshal([]byte(lines[i]), &request); err != nil {
			t.Fatal(err)
		}
		if got := request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans(); len(got) != 1 || got[0].GetName() != name {
			t.Errorf("line %d has %v, want the span %s", i, got, name)
		}
	}
}

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

func TestErrorsAreJoinedAndSayWhatToWrite(t *testing.T) {
	_, err := newSDK(t, environ("OTEL_SDK_DISABLED=yes", "OTEL_TRACES_SAMPLER=sometimes", "OTEL_TRACES_EXPORTER=zipkin",
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_BSP_SCHEDULE_DELAY=5s",
		"OTEL_SPAN_LINK_COUNT_LIMIT=many", "OTEL_RESOURCE_ATTRIBUTES=a=b,c"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`OTEL_SDK_DISABLED="yes": unknown (write true or false)`,
		`OTEL_TRACES_SAMPLER="sometimes": unknown (write parentbased_always_on, parentbased_always_off, parentbased_traceidratio, always_on, always_off or traceidratio)`,
		`OTEL_TRACES_EXPORTER="zipkin": unknown (write otlp, console or none)`,
		`OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318": no scheme (write http://collector:4318)`,
		`OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported (write http/protobuf`,
		`OTEL_BSP_SCHEDULE_DELAY="5s": not a number of milliseconds (write 5000)`,
		`OTEL_SPAN_LINK_COUNT_LIMIT="many": not a whole number (write 0 to 2147483647)`,
		`OTEL_RESOURCE_ATTRIBUTES="a=b,c": entry "c" has no = (write key=value)`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	t.Log(err)
}

func TestLogValue(t *testing.T) {
	s, _ := newSDK(t, environ(), otelx.WithExporter(tracetest.NewInMemoryExporter()))
	span(s, "a")
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("done", "spans", s)
	if want := "spans.ended=1 spans.exported=0 spans.pending=1 spans.dropped=0\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("%q does not end in %q", b.String(), want)
	}
}

func TestOptionsInOrderAndNil(t *testing.T) {
	stub, err := exported(t, nil, otelx.Options(nil, otelx.WithIDGenerator(nil), otelx.Options()), environ("OTEL_SERVICE_NAME=deep"),
		otelx.FromEnv(func(getenv func(string) string) otelx.Option {
			return otelx.WithResource(resource.NewSchemaless(attribute.String("seen", getenv("OTEL_SERVICE_NAME"))))
		}))
	if err != nil {
		t.Error(err)
	}
	if v, _ := stub.Resource.Set().Value("seen"); v.AsString() != "deep" {
		t.Errorf("FromEnv saw %q", v.AsString())
	}
}

// Resource returns the resource of the spans.
func TestSDKResource(t *testing.T) {
	s, err := newSDK(t, environ("OTEL_SERVICE_NAME=orders"))
	if v, _ := s.Resource().Set().Value("service.name"); err != nil || v.AsString() != "orders" {
		t.Errorf("service.name %q, %v", v.AsString(), err)
	}
	disabled, err := newSDK(t, environ("OTEL_SDK_DISABLED=true"))
	if err != nil || disabled.Resource() == nil || disabled.Resource().Len() != 0 {
		t.Errorf("disabled: %v, %v", disabled.Resource(), err)
	}
}
