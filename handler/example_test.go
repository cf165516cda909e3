package handler_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-lambda-go/lambdaurl"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

type Order struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

// handle is an ordinary Lambda function. Spans that it starts are children of the invocation's.
func handle(ctx context.Context, o Order) (string, error) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return "", fmt.Errorf("no span for %s", o.SKU)
	}
	return fmt.Sprintf("%d of %s", o.Count, o.SKU), nil
}

// In a function, the result of Wrap goes to lambda.Start and the tracker is the agent. Here the handler is invoked
// directly.
func ExampleWrap() {
	provider := sdktrace.NewTracerProvider() // any OpenTelemetry SDK; the global one without the option
	wrapped := handler.Wrap(handle, handler.WithTracerProvider(provider))

	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	out, err := lambda.NewHandler(wrapped).Invoke(ctx, []byte(`{"sku":"A-17","count":3}`))
	fmt.Println(string(out), err)
	// Output: "3 of A-17" <nil>
}

// An http.Handler behind a function URL: lambda.Start gets the result of Wrap, Wrap that of lambdaurl.Wrap, and lambdaurl
// that of HTTP. Here the handler is invoked directly. aws-lambda-go-api-proxy takes the result of HTTP in the same way:
//
//	lambda.Start(handler.Wrap(httpadapter.NewV2(handler.HTTP(mux)).ProxyWithContext, handler.WithTracker(ag)))
func ExampleHTTP() {
	provider := sdktrace.NewTracerProvider()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "order %s, in a span: %t", r.PathValue("id"), trace.SpanFromContext(r.Context()).IsRecording())
	})
	wrapped := handler.Wrap(lambdaurl.Wrap(handler.HTTP(mux)), handler.WithTracerProvider(provider))

	out, err := lambda.NewHandler(wrapped).Invoke(context.Background(),
		[]byte(`{"rawPath":"/orders/17","requestContext":{"http":{"method":"GET","path":"/orders/17"}}}`))
	_, body, _ := bytes.Cut(out, make([]byte, 8)) // after the status and the headers
	fmt.Println(string(body), err)
	// Output: order 17, in a span: true <nil>
}

// With middleware between HTTP and the router that copies the request, such as otelhttp, an option finds the route.
func ExampleWithRoute() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(http.ResponseWriter, *http.Request) {})
	h := handler.HTTP(otelhttp.NewHandler(mux, "serve"), handler.WithRoute(func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return pattern
	}))
	fmt.Printf("%T\n", lambdaurl.Wrap(h))
	// Output: func(context.Context, *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error)
}

// A batch of messages with a span for each.
func ExampleMessage() {
	handleBatch := func(ctx context.Context, batch events.SQSEvent) error {
		for _, message := range batch.Records {
			ctx, span := handler.Message(ctx, message)
			fmt.Println(message.Body, "in a span:", trace.SpanFromContext(ctx).IsRecording())
			span.End()
		}
		return nil
	}
	wrapped := handler.Wrap(handleBatch, handler.WithTracerProvider(sdktrace.NewTracerProvider()))

	_, err := lambda.NewHandler(wrapped).Invoke(context.Background(), []byte(`{"Records":[{"eventSource":"aws:sqs",
		"eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:orders","messageId":"1","body":"first"}]}`))
	fmt.Println(err)
	// Output:
	// first in a span: true
	// <nil>
}

// A function whose own event carries the caller's span context.
func ExampleWithCarrier() {
	type job struct {
		Name  string            `json:"name"`
		Trace map[string]string `json:"trace"`
	}
	run := func(ctx context.Context, j job) (string, error) {
		return j.Name + " in trace " + trace.SpanContextFromContext(ctx).TraceID().String(), nil
	}
	wrapped := handler.Wrap(run, handler.WithTracerProvider(sdktrace.NewTracerProvider()),
		handler.WithPropagator(propagation.TraceContext{}),
		handler.WithCarrier(func(event any) propagation.TextMapCarrier {
			return propagation.MapCarrier(event.(job).Trace)
		}))

	out, err := lambda.NewHandler(wrapped).Invoke(context.Background(), []byte(
		`{"name":"report","trace":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}`))
	fmt.Println(string(out), err)
	// Output: "report in trace 4bf92f3577b34da6a3ce929d0e0e4736" <nil>
}
