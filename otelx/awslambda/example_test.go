package awslambda_test

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// A function with traces, metrics and logs. Without an OTLP endpoint metrics and log records are lines on standard output.
func ExampleDefaults() {
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults(), otelx.WithMetrics(), otelx.WithLogs())
	orders, counterErr := otel.Meter("shop").Int64Counter("orders")
	if err := errors.Join(err, counterErr); err != nil {
		slog.Error("telemetry", "error", err) // all of it is usable all the same
	}
	slog.SetDefault(otelslog.NewLogger("shop")) // contrib's bridge

	handle := func(ctx context.Context) error {
		orders.Add(ctx, 1)
		slog.InfoContext(ctx, "order taken", "order", 17)
		return nil
	}
	lambda.Start(handler.Wrap(handle, handler.WithTracker(agent.Start(ctx, tel))))
}
