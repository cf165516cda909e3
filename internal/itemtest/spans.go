package itemtest

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// What a backend says of some of them.
const (
	Rejected        = 7
	RejectedMessage = "7 spans are older than 14 days"
)

// Spans returns n spans as the SDK hands them to a processor's OnEnd: of two scopes, with six attributes, and an event
// on each fourth.
func Spans(n int) []sdktrace.ReadOnlySpan {
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithResource(Resource))
	tracers := []trace.Tracer{tp.Tracer("example.com/a", trace.WithInstrumentationVersion("1.0.0")), tp.Tracer("example.com/b")}
	for i := range n {
		_, span := tracers[i/8%2].Start(context.Background(), "GET /prices/{sku}", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("url.full", "https://prices.example.com/prices/4711"),
			attribute.String("server.address", "prices.example.com"), attribute.Int("server.port", 443),
			attribute.Int("http.response.status_code", 200), attribute.String("network.protocol.version", "1.1")))
		if i%4 == 0 {
			span.AddEvent("cache miss", trace.WithAttributes(attribute.String("cache.key", "4711")))
		}
		span.End()
	}
	return recorder.Ended()
}
