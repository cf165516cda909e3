// Package spans makes the spans of the comparison, with the API's global tracer provider. They are equal in every program
// with spans, and have the size of a span of an HTTP client call.
package spans

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/bench/function"
)

const (
	// Child is the name of the spans that an invocation ends.
	Child = "GET /prices/{sku}"
	// Late is the name of those that end at SIGTERM.
	Late = "late"
)

// Children starts and ends n spans below the one in ctx.
func Children(ctx context.Context, n int) {
	for range n {
		start(ctx, Child).End()
	}
}

// Open starts the number of spans in function.PendingVariable, and returns a function that ends them. Call it after the
// global tracer provider is set.
func Open() (end func()) {
	open := make([]trace.Span, function.Pending())
	for i := range open {
		open[i] = start(context.Background(), Late)
	}
	return func() {
		for _, span := range open {
			span.End()
		}
	}
}

func start(ctx context.Context, name string) trace.Span {
	_, span := otel.Tracer("github.com/epilogue-go/epilogue/bench/spans").Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", "GET"),
		attribute.String("url.full", "https://prices.example.com/prices/4711"),
		attribute.String("server.address", "prices.example.com"),
		attribute.Int("server.port", 443),
		attribute.Int("http.response.status_code", 200),
	))
	return span
}
