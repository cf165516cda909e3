package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// window is how long the last flush may take of the 500 ms between SIGTERM and SIGKILL.
const window = 400 * time.Millisecond

// sendBySDK is what a careful user builds of the SDK's own parts: a queue that is large enough, a flush at the end of each
// invocation under that invocation's deadline, and, by aws-lambda-go's own option, another at SIGTERM.
func sendBySDK() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		panic(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(20_000)))
	record(provider)
	otel.SetTracerProvider(provider)
	last := func() {
		ctx, cancel := context.WithTimeout(ctx, window)
		defer cancel()
		if err := provider.ForceFlush(ctx); err != nil {
			slog.Error("last flush", "error", err)
		}
	}
	lambda.StartWithOptions(flushed(handler.Wrap(handle, handler.WithoutInitSpan()), provider), lambda.WithEnableSIGTERM(last))
}

// flushed flushes before the response leaves, as instrumentations for aws-lambda-go do: nothing else comes after the
// handler and before the freeze.
func flushed(wrapped any, provider *sdktrace.TracerProvider) lambda.Handler {
	return flushing{lambda.NewHandler(wrapped), provider}
}

type flushing struct {
	next     lambda.Handler
	provider *sdktrace.TracerProvider
}

// Invoke implements lambda.Handler.
func (f flushing) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	out, err := f.next.Invoke(ctx, payload)
	if ferr := f.provider.ForceFlush(ctx); ferr != nil {
		slog.Error("flush", "error", ferr)
	}
	return out, err
}
