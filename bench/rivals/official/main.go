// Command official is the function with the SDK's batch processors, its periodic reader and the official exporters of
// spans, metrics and log records over HTTP. It flushes the three at the same time before each response.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/epilogue-go/epilogue/bench/batch"
	"github.com/epilogue-go/epilogue/bench/measurements"
	"github.com/epilogue-go/epilogue/bench/records"
	"github.com/epilogue-go/epilogue/bench/spans"
)

func main() {
	ctx := context.Background()
	spanExporter, err := otlptracehttp.New(ctx)
	metricExporter, metricErr := otlpmetrichttp.New(ctx)
	logExporter, logErr := otlploghttp.New(ctx)
	if err := errors.Join(err, metricErr, logErr); err != nil {
		slog.Error("telemetry", "error", err)
		os.Exit(1)
	}
	tracers := batch.Provider(spanExporter)
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter)))
	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logExporter)))
	otel.SetMeterProvider(meters)
	otel.SetLoggerProvider(loggers)
	batch.Start(instrumented,
		together(tracers.ForceFlush, meters.ForceFlush, loggers.ForceFlush),
		together(tracers.Shutdown, meters.Shutdown, loggers.Shutdown))
}

func instrumented(ctx context.Context, children int) {
	spans.Children(ctx, children)
	measurements.Take(ctx)
	records.Emit(ctx)
}

// together returns a function that makes the calls at the same time, and returns when all have returned.
func together(calls ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		results := make(chan error, len(calls))
		for _, call := range calls {
			go func() { results <- call(ctx) }()
		}
		var err error
		for range calls {
			err = errors.Join(err, <-results)
		}
		return err
	}
}
