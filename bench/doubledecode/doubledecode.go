// Package doubledecode instruments a Lambda handler as the usual library for Go does, for a comparison. aws-lambda-go
// decodes the event to any. The wrapper encodes it again and decodes it to the handler's own type, and once more for the
// carrier of the propagator. Then come the span, the handler, and a flush before the response. The package follows a
// description of that library's behavior. It is generic, whereas the library reflects, which favors it.
package doubledecode

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Wrap returns next instrumented, to be given to lambda.Start. flush is called before each response. The tracer provider
// and the propagator are the global ones at the time of the call.
func Wrap[In, Out any](next func(context.Context, In) (Out, error), flush func(context.Context) error) func(context.Context, any) (any, error) {
	tracer := otel.GetTracerProvider().Tracer("github.com/epilogue-go/epilogue/bench/doubledecode")
	propagator := otel.GetTextMapPropagator()
	return func(ctx context.Context, event any) (any, error) {
		payload, err := json.Marshal(event)
		if err != nil {
			return nil, err
		}
		inside, span := tracer.Start(propagator.Extract(ctx, carrier(payload)), lambdacontext.FunctionName,
			trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes(ctx)...))
		defer func() {
			span.End()
			if err := flush(ctx); err != nil {
				otel.Handle(err)
			}
		}()
		var in In
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		return next(inside, in)
	}
}

// carrier returns the headers of an event of HTTP.
func carrier(payload []byte) propagation.TextMapCarrier {
	var event struct {
		Headers map[string]string `json:"headers"`
	}
	_ = json.Unmarshal(payload, &event) // an event of another kind has no headers
	return propagation.MapCarrier(event.Headers)
}

func attributes(ctx context.Context) []attribute.KeyValue {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return nil
	}
	return []attribute.KeyValue{
		attribute.String("faas.invocation_id", lc.AwsRequestID),
		attribute.String("cloud.resource_id", lc.InvokedFunctionArn),
	}
}
