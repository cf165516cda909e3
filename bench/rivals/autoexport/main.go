// Command autoexport is the function with the SDK's batch processor and contrib's autoexport, flushed before each response.
package main

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/contrib/exporters/autoexport"

	"github.com/epilogue-go/epilogue/bench/batch"
)

func main() {
	exporter, err := autoexport.NewSpanExporter(context.Background())
	if err != nil {
		slog.Error("telemetry", "error", err)
		os.Exit(1)
	}
	batch.Run(exporter)
}
