package handler_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
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
