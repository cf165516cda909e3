// Package batch uses the SDK's batch processor in a function, without a library: a span around the handler, and a flush
// before the response, because the environment may freeze after it.
package batch

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/bench/spans"
)

// lastFlush is how long Shutdown may take at SIGTERM: Lambda's window of 500 ms less the margin that epilogue leaves.
const lastFlush = 450 * time.Millisecond

// Provider makes a tracer provider with a batch processor the global one.
func Provider(exporter sdktrace.SpanExporter) *sdktrace.TracerProvider {
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.Default()))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider
}

// Run is the rest of main.
func Run(exporter sdktrace.SpanExporter) {
	provider := Provider(exporter)
	Start(spans.Children, provider.ForceFlush, provider.Shutdown)
}

// Start serves invocations, each in a span, with flush before the response and shutdown at SIGTERM. The function calls
// instrumented with the number of child spans. The global tracer provider is set.
func Start(instrumented func(ctx context.Context, children int), flush, shutdown func(context.Context) error) {
	function.Start(flushing(flush, function.New(instrumented).Handle), Last(shutdown, spans.Open()))
}

// handler is the type of function.Function.Handle.
type handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// flushing returns next with a span around it and a flush after it.
func flushing(flush func(context.Context) error, next handler) handler {
	tracer := otel.Tracer("github.com/epilogue-go/epilogue/bench/batch")
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		parent := otel.GetTextMapPropagator().Extract(ctx, propagation.MapCarrier(e.Headers))
		inside, span := tracer.Start(parent, e.RouteKey, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", e.RequestContext.HTTP.Method),
			attribute.String("url.path", e.RawPath),
			attribute.String("faas.trigger", "http"),
		))
		resp, err := next(inside, e)
		span.End()
		if flushErr := flush(ctx); flushErr != nil {
			otel.Handle(flushErr)
		}
		return resp, err
	}
}

// Last returns the function for SIGTERM: it calls end and shutdown within the window.
func Last(shutdown func(context.Context) error, end func()) func() {
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
		defer cancel()
		end()
		if err := shutdown(ctx); err != nil {
			otel.Handle(err)
		}
	}
}
