// This file takes the place of examples/orders/main.go when the test builds the function. It wires the same, and also
// writes each span that ends to the file E2E_RECORD, at once and by the OpenTelemetry SDK's own means, so that there is a
// record of what epilogue was given.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

func main() {
	ctx := context.Background()
	api, err := newAPI(os.Getenv)
	if err != nil {
		slog.Error("orders", "error", err)
		os.Exit(1)
	}
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		slog.Error("telemetry", "error", err) // tel is usable all the same
	}
	record(tel)
	ag := agent.Start(ctx, tel, agent.WithShutdownHook(endOneMore))
	lambda.Start(handler.Wrap(api.handle, handler.WithTracker(ag)))
}

// record has a second processor write down what ends.
func record(tel *otelx.SDK) {
	file, err := os.OpenFile(os.Getenv("E2E_RECORD"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(file))
	if err != nil {
		panic(err)
	}
	tel.TracerProvider().(*sdktrace.TracerProvider).RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(exporter))
}

// endOneMore ends a span after SIGTERM: only the last flush can deliver it.
func endOneMore(ctx context.Context) {
	_, span := otel.Tracer("e2e").Start(ctx, "close the shop")
	span.End()
}
