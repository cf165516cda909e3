package handler_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
)

// timeoutTracker is a recorder that reports timeouts.
type timeoutTracker struct {
	*recorder

	timeOut func(requestID string)
}

func (t *timeoutTracker) NotifyTimeout(f func(requestID string)) { t.timeOut = f }

// TestFunctionMetrics: each invocation counts in exactly one of invocations, errors and timeouts, and in the duration.
func TestFunctionMetrics(t *testing.T) {
	var tracker *timeoutTracker
	const timeout = 3 * time.Second
	for name, c := range map[string]struct {
		fn   any
		want string
	}{
		"response":                   {func() (string, error) { return "ok", nil }, "invocations"},
		"error":                      {func() error { return errors.New("no") }, "errors"},
		"panic":                      {func() { panic("no") }, "errors"},
		"a response that is refused": {func() (string, error) { return strings.Repeat("x", 7<<20), nil }, "errors"},
		"an HTTP response of status 500 is no error of the function": {
			func(map[string]any) (map[string]any, error) { return map[string]any{"statusCode": 500}, nil }, "invocations",
		},
		"a stream that breaks":    {func() (io.Reader, error) { return brokenStream{}, nil }, "errors"},
		"returned too late":       {func() { time.Sleep(2 * timeout) }, "timeouts"},
		"failed too late":         {func() error { time.Sleep(2 * timeout); return errors.New("no") }, "timeouts"},
		"reported by the tracker": {func() { tracker.timeOut("r1"); tracker.timeOut("r1"); tracker.timeOut("r0") }, "timeouts"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker = &timeoutTracker{recorder: newRecorder()}
				reader := sdkmetric.NewManualReader()
				wrapped := handler.Wrap(c.fn, handler.WithTracker(tracker), handler.WithProcess(started("on-demand")),
					handler.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
				for range 2 {
					invokeOnce(t, wrapped, timeout)
				}
				want := map[string]int64{
					"faas." + c.want: 2, "faas.invoke_duration": 2, "faas.mem_usage": 2, "faas.coldstarts": 1, "faas.init_duration": 1,
				}
				if diff := cmp.Diff(want, countsOf(t, reader)); diff != "" {
					t.Errorf("measurements (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// brokenStream is a response whose reading fails.
type brokenStream struct{}

func (brokenStream) Read([]byte) (int, error) { return 0, errors.New("broken") }

// invokeOnce makes one invocation as aws-lambda-go does.
func invokeOnce(t *testing.T, wrapped any, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID})
	defer func() { _ = recover() }()
	var response io.Reader
	switch fn := wrapped.(type) {
	case readerFunc:
		response, _ = fn(ctx)
	case func(context.Context, map[string]any) (io.Reader, error):
		response, _ = fn(ctx, map[string]any{"requestContext": map[string]any{"http": map[string]any{"method": "GET"}}})
	default:
		t.Fatalf("wrapped is a %T", fn)
	}
	if response != nil {
		_, _ = io.Copy(io.Discard, response)
		_ = response.(io.Closer).Close()
	}
}

// countsOf returns how many measurements each metric has. All have the attribute faas.trigger alone.
func countsOf(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	add := func(name string, attributes attribute.Set, n int64) {
		counts[name] += n
		if attributes.Len() != 1 || !attributes.HasValue("faas.trigger") {
			t.Errorf("%s has %s", name, attributes.Encoded(attribute.DefaultEncoder()))
		}
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, int64(p.Count))
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, int64(p.Count))
				}
			}
		}
	}
	return counts
}

// badMeters is a meter provider that panics.
type badMeters struct{ noop.MeterProvider }

func (badMeters) Meter(string, ...metric.MeterOption) metric.Meter { panic("no meters") }

// TestFaultyMeterProviderHarmsNoInvocation: the function works without metrics.
func TestFaultyMeterProviderHarmsNoInvocation(t *testing.T) {
	fn := handler.Wrap(func() (string, error) { return "ok", nil }, handler.WithMeterProvider(badMeters{})).(readerFunc)
	response, err := fn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(response); err != nil || string(text) != `"ok"` {
		t.Errorf("response %q, error %v", text, err)
	}
}

// badTracers is a tracer provider that panics.
type badTracers struct{ tracenoop.TracerProvider }

func (badTracers) Tracer(string, ...trace.TracerOption) trace.Tracer { panic("no tracers") }

// TestInvocationsCountWithoutTracing: a fault of tracing costs no measurement.
func TestInvocationsCountWithoutTracing(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	invokeOnce(t, handler.Wrap(func() {}, handler.WithTracerProvider(badTracers{}),
		handler.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))), time.Second)
	if n := countsOf(t, reader)["faas.invocations"]; n != 1 {
		t.Errorf("%d invocations, want 1", n)
	}
}
