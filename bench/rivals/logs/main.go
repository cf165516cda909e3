// Command logs is the function of the command epilogue with log records.
package main

import (
	"context"

	"github.com/epilogue-go/epilogue/bench/epilogue"
	"github.com/epilogue-go/epilogue/bench/records"
	"github.com/epilogue-go/epilogue/bench/spans"
	"github.com/epilogue-go/epilogue/otelx"
)

func main() {
	epilogue.Run(func(ctx context.Context, children int) {
		spans.Children(ctx, children)
		records.Emit(ctx)
	}, otelx.WithLogs())
}
