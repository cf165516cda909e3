package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

func main() {
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults(), otelx.WithMetrics(), otelx.WithLogs())
	if err != nil {
		slog.Error("telemetry", "error", err) // tel is usable all the same
	}
	slog.SetDefault(otelslog.NewLogger(scope)) // log records with the invocation's context have its trace
	ag := agent.Start(ctx, tel)
	w := &worker{tracer: otel.Tracer(scope), propagator: otel.GetTextMapPropagator()}
	lambda.Start(handler.Wrap(w.handle, handler.WithTracker(ag)))
}
