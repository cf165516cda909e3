package handler_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
)

// BenchmarkInvocation shows what Wrap adds to an invocation of an HTTP API function, decoding and encoding included:
// alone, with the API's no-op, and with the SDK.
func BenchmarkInvocation(b *testing.B) {
	user := func(_ context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: e.RawPath}, nil
	}
	b.Run("bare", func(b *testing.B) { benchmarkHandler(b, user) })
	for name, provider := range map[string]trace.TracerProvider{
		"noop": noop.NewTracerProvider(), "sdk": sdktrace.NewTracerProvider(),
	} {
		b.Run(name, func(b *testing.B) {
			benchmarkHandler(b, handler.Wrap(user, handler.WithTracker(quietTracker{}), handler.WithTracerProvider(provider)))
		})
	}
}

func benchmarkHandler(b *testing.B, fn any) {
	h := lambda.NewHandler(fn)
	ctx := lambdacontext.NewContext(b.Context(), &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: functionARN,
	})
	ctx, cancel := context.WithDeadline(ctx, time.Now().Add(time.Hour))
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Invoke(ctx, httpPayload); err != nil {
			b.Fatal(err)
		}
	}
}

// httpPayload is an event of an HTTP API.
var httpPayload = []byte(`{"version":"2.0","routeKey":"POST /orders","rawPath":"/orders",
	"headers":{"content-type":"application/json","traceparent":"` + traceparent + `"},
	"requestContext":{"http":{"method":"POST","path":"/orders","sourceIp":"192.0.2.1"}},"body":"{}"}`)
