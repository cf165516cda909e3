package handler_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-lambda-go/lambdaurl"
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

// An http.Handler behind a function URL: lambda.Start gets the result of Wrap, and Wrap that of lambdaurl.Wrap. Here the
// handler is invoked directly.
func ExampleWrap_httpHandler() {
	provider := sdktrace.NewTracerProvider()
	serve := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, in a span: %t", r.URL.Path, trace.SpanFromContext(r.Context()).IsRecording())
	}
	wrapped := handler.Wrap(lambdaurl.Wrap(http.HandlerFunc(serve)), handler.WithTracerProvider(provider))

	out, err := lambda.NewHandler(wrapped).Invoke(context.Background(),
		[]byte(`{"rawPath":"/orders","requestContext":{"http":{"method":"GET","path":"/orders"}}}`))
	_, body, _ := bytes.Cut(out, make([]byte, 8)) // after the status and the headers
	fmt.Println(string(body), err)
	// Output: /orders, in a span: true <nil>
}
