// Command doubledecode is the function with instrumentation that decodes its event twice, the X-Ray propagator and
// otlptracehttp, flushed before each response.
package main

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/bench/batch"
	"github.com/epilogue-go/epilogue/bench/doubledecode"
	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/bench/spans"
)

func main() {
	exporter, err := otlptracehttp.New(context.Background())
	if err != nil {
		slog.Error("telemetry", "error", err)
		os.Exit(1)
	}
	provider := batch.Provider(exporter)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, xray.Propagator{}))
	handle := function.New(spans.Children).Handle
	function.Start(doubledecode.Wrap(handle, provider.ForceFlush), batch.Last(provider.Shutdown, spans.Open()))
}
