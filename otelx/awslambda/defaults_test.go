package awslambda_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
	"github.com/epilogue-go/epilogue/otelx/xray"
)

// function is the environment of a function (AWS Lambda Developer Guide, "Defined runtime environment variables").
var function = map[string]string{
	"AWS_LAMBDA_FUNCTION_NAME":        "orders",
	"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
	"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/orders",
	"AWS_LAMBDA_LOG_STREAM_NAME":      "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef",
	"AWS_REGION":                      "eu-central-1",
}

func with(extra map[string]string) otelx.Option {
	env := maps.Clone(function)
	maps.Copy(env, extra)
	return otelx.WithGetenv(func(key string) string { return env[key] })
}

// attributes returns the resource of a span, without what the SDK adds.
func attributes(t *testing.T, opts ...otelx.Option) map[string]any {
	t.Helper()
	x := tracetest.NewInMemoryExporter()
	s, err := otelx.New(t.Context(), append(opts, otelx.WithExporter(x))...)
	if err != nil {
		t.Error(err)
	}
	_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "a")
	span.End()
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, a := range x.GetSpans()[0].Resource.Attributes() {
		got[string(a.Key)] = a.Value.AsInterface()
	}
	for _, k := range []string{"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"} {
		delete(got, k)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	return got
}

func TestResource(t *testing.T) {
	want := map[string]any{
		"service.name":         "orders",
		"faas.name":            "orders",
		"faas.version":         "$LATEST",
		"faas.instance":        "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef",
		"faas.max_memory":      int64(536870912),
		"cloud.provider":       "aws",
		"cloud.platform":       "aws_lambda",
		"cloud.region":         "eu-central-1",
		"aws.log.group.names":  []string{"/aws/lambda/orders"},
		"aws.log.stream.names": []string{"2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"},
	}
	if diff := cmp.Diff(want, attributes(t, awslambda.Defaults(), with(nil))); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
}

func TestTheUserBeatsTheResource(t *testing.T) {
	got := attributes(t, awslambda.Defaults(), with(map[string]string{"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "cloud.region=mars"}),
		otelx.WithResource(resource.NewSchemaless(attribute.String("faas.version", "7"))))
	for k, want := range map[string]string{"service.name": "shop", "cloud.region": "mars", "faas.version": "7", "faas.name": "orders"} {
		if got[k] != want {
			t.Errorf("%s = %v, want %s", k, got[k], want)
		}
	}
	got = attributes(t, awslambda.Defaults(), with(map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}))
	if got["service.name"] != "shop" {
		t.Errorf("service.name = %v", got["service.name"])
	}
}

func TestMissingVariablesMakeNoAttributes(t *testing.T) {
	env := with(map[string]string{
		"AWS_LAMBDA_FUNCTION_VERSION": "", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "lots", "AWS_LAMBDA_LOG_GROUP_NAME": "",
		"AWS_LAMBDA_LOG_STREAM_NAME": "", "AWS_REGION": "",
	})
	want := map[string]any{"service.name": "orders", "faas.name": "orders", "cloud.provider": "aws", "cloud.platform": "aws_lambda"}
	if diff := cmp.Diff(want, attributes(t, awslambda.Defaults(), env)); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
}

func TestOutsideLambdaNothingChanges(t *testing.T) {
	// AWS_REGION alone is on many desks.
	env := otelx.WithGetenv(func(key string) string { return map[string]string{"AWS_REGION": "eu-central-1"}[key] })
	if diff := cmp.Diff(attributes(t, env), attributes(t, awslambda.Defaults(), env)); diff != "" {
		t.Errorf("resource changed (-without +with):\n%s", diff)
	}
}

// TestPropagators: X-Ray's are selectable in a function and on a desk, and not selected.
func TestPropagators(t *testing.T) {
	before := otel.GetTextMapPropagator()
	defer otel.SetTextMapPropagator(before)
	for _, name := range []string{"orders", ""} {
		for value, want := range map[string]propagation.TextMapPropagator{
			"xray": xray.Propagator{}, "xray-lambda": xray.LambdaPropagator{},
			"": propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		} {
			env := with(map[string]string{"AWS_LAMBDA_FUNCTION_NAME": name, "OTEL_PROPAGATORS": value})
			s, err := otelx.New(t.Context(), awslambda.Defaults(), env, otelx.WithExporter(stuck{}))
			if err != nil {
				t.Errorf("OTEL_PROPAGATORS=%q: %v", value, err)
			}
			_ = s.Shutdown(t.Context())
			ctx := context.WithValue(t.Context(), "x-amzn-trace-id", lambdaHeader) //nolint:staticcheck // aws-lambda-go's key
			got := trace.SpanContextFromContext(otel.GetTextMapPropagator().Extract(ctx, propagation.MapCarrier{"X-Amzn-Trace-Id": httpHeader}))
			if sc := trace.SpanContextFromContext(want.Extract(ctx, propagation.MapCarrier{"X-Amzn-Trace-Id": httpHeader})); !got.Equal(sc) {
				t.Errorf("OTEL_PROPAGATORS=%q: extracted %v, want %v", value, got, sc)
			}
		}
	}
}

const (
	httpHeader   = "Root=1-00000001-000000000000000000000001;Parent=0000000000000001;Sampled=1"
	lambdaHeader = "Root=1-00000002-000000000000000000000002;Parent=0000000000000002;Sampled=1"
)

func TestQueueFollowsTheMemory(t *testing.T) {
	for _, c := range []struct {
		memory, variable string
		want             int64
	}{
		{"128", "", 2048},
		{"512", "", 8192},
		{"1769", "", 28304},
		{"10240", "", 65536},
		{"", "", 2048},
		{"-1", "", 2048},
		{"99999999999", "", 2048},
		{"512", "100", 100},
	} {
		s, err := otelx.New(t.Context(), awslambda.Defaults(), otelx.WithExporter(stuck{}),
			with(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": c.memory, "OTEL_BSP_MAX_QUEUE_SIZE": c.variable}))
		if err != nil {
			t.Error(err)
		}
		s.SetBackgroundExport(false)
		tracer := s.TracerProvider().Tracer("test")
		for range c.want + 10 {
			_, span := tracer.Start(t.Context(), "a")
			span.End()
		}
		if got := s.Stats().Pending; got != c.want {
			t.Errorf("memory %q, OTEL_BSP_MAX_QUEUE_SIZE %q: queue of %d, want %d", c.memory, c.variable, got, c.want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Shutdown(ctx)
	}
}

// TestQueueBytesFollowTheMemory asserts that spans in the queue have a quarter of the function's memory at most.
func TestQueueBytesFollowTheMemory(t *testing.T) {
	for memory, dropped := range map[string]int64{"128": 1, "256": 0, "": 0} {
		s, err := otelx.New(t.Context(), awslambda.Defaults(), otelx.WithExporter(stuck{}),
			with(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}))
		if err != nil {
			t.Error(err)
		}
		for range 2 {
			_, span := s.TracerProvider().Tracer("test").Start(t.Context(), strings.Repeat("x", 20<<20))
			span.End()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Shutdown(ctx)
		if got := s.Stats().Dropped; got != (otelx.Dropped{QueueBytes: dropped}) {
			t.Errorf("memory %q: %+v, want %d spans dropped", memory, got, dropped)
		}
	}
}

// stuck delivers nothing.
type stuck struct{}

func (stuck) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("down")
}
func (stuck) Shutdown(context.Context) error { return nil }
