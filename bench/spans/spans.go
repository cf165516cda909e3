// Package spans makes the spans of the comparison, with the API's global tracer provider: the same for every program that
// has any, and of the size that a client call of HTTP has.
package spans

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

const (
	// Child is the name of the spans that an invocation ends.
	Child = "GET /prices/{sku}"
	// Late is the name of those that end at SIGTERM.
	Late = "late"
)

// Children starts and ends n spans below the one in ctx.
func Children(ctx context.Context, n int) { end(ctx, Child, n) }

// Pending starts and ends n spans, each the root of a trace where ctx has no span.
func Pending(ctx context.Context, n int) { end(ctx, Late, n) }

func end(ctx context.Context, name string, n int) {
	tracer := otel.Tracer("github.com/epilogue-go/epilogue/bench/spans")
	for range n {
		_, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.String("url.full", "https://prices.example.com/prices/4711"),
			attribute.String("server.address", "prices.example.com"),
			attribute.Int("server.port", 443),
			attribute.Int("http.response.status_code", 200),
		))
		span.End()
	}
}
