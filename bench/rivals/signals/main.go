// Command signals is the function of the command epilogue with metrics and log records.
package main

import (
	"context"

	"github.com/epilogue-go/epilogue/bench/epilogue"
	"github.com/epilogue-go/epilogue/bench/measurements"
	"github.com/epilogue-go/epilogue/bench/records"
	"github.com/epilogue-go/epilogue/bench/spans"
	"github.com/epilogue-go/epilogue/otelx"
)

func main() {
	epilogue.Run(func(ctx context.Context, children int) {
		spans.Children(ctx, children)
		measurements.Take(ctx)
		records.Emit(ctx)
	}, otelx.WithMetrics(), otelx.WithLogs())
}
