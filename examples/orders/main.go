package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/contrib/bridges/otelslog"

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
	tel, err := otelx.New(ctx, awslambda.Defaults(), otelx.WithMetrics(), otelx.WithLogs())
	if err != nil {
		slog.Error("telemetry", "error", err) // tel is usable all the same
	}
	slog.SetDefault(otelslog.NewLogger(scope)) // log records with the invocation's context have its trace
	ag := agent.Start(ctx, tel)
	lambda.Start(handler.Wrap(api.handle, handler.WithTracker(ag)))
}
