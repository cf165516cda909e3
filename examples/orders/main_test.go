package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

// mainVariable is set in the environment of a test binary that is to be the function.
const mainVariable = "ORDERS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		return
	}
	otel.SetTextMapPropagator(propagation.TraceContext{})
	goleak.VerifyTestMain(m)
}

// newTestAPI returns the function under settings, and its recording. Its spans and otelhttp's go to the recorder when
// the invocation's context is one of invocation.
func newTestAPI(t *testing.T, settings map[string]string) (*api, *recording) {
	t.Helper()
	a, err := newAPI(func(key string) string { return settings[key] })
	if err != nil {
		t.Fatal(err)
	}
	rec := &recording{SpanRecorder: tracetest.NewSpanRecorder()}
	rec.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	a.tracer = rec.provider.Tracer("orders")
	return a, rec
}

// recording is the spans of one test.
type recording struct {
	*tracetest.SpanRecorder
	provider *sdktrace.TracerProvider
}

// invocation returns a context that holds an invocation's span, as handler.Wrap makes it, and a function to end the span.
func (r *recording) invocation(ctx context.Context) (context.Context, func()) {
	ctx, span := r.provider.Tracer("test").Start(ctx, "invocation")
	return ctx, func() { span.End() }
}

// sampleEvent reads events/name, which may have no field that API Gateway has not.
func sampleEvent(t *testing.T, name string) request {
	t.Helper()
	data, err := os.ReadFile("events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var req request
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return req
}
