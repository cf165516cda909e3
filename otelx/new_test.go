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
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

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
		if err := errors.Join(s.ForceFlush(t.Context()), s.Shutdown(t.Context())); err != nil || n != 0 || s.Stats() != (otelx.Stats{Breaker: "closed"}) {
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
	if s.Stats() != (otelx.Stats{Breaker: "closed"}) {
		t.Errorf("Stats() = %+v", s.Stats())
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
		`OTEL_RESOURCE_ATTRIBUTES: entry "c" has no = (write key=value); the whole variable is ignored`,
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
	if want := "spans=\"{Ended:1 Exported:0 Pending:1 Dropped:{QueueFull:0 Rejected:0 Refused:0 TooLarge:0 AfterShutdown:0} Spilled:0 Breaker:closed}\"\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("%q does not end in %q", b.String(), want)
	}
}
