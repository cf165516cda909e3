// Command otlpgrpc is the function with the SDK's batch processor and otlptracegrpc, flushed before each response.
package main

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"

	"github.com/epilogue-go/epilogue/bench/batch"
)

func main() {
	exporter, err := otlptracegrpc.New(context.Background())
	if err != nil {
		slog.Error("telemetry", "error", err)
		os.Exit(1)
	}
	batch.Run(exporter)
}
