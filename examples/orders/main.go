package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
	"github.com/epilogue-go/epilogue/otelx/tracelog"
)

func main() {
	ctx := context.Background()
	slog.SetDefault(slog.New(tracelog.NewHandler(lambdacontext.NewLogHandler())))
	api, err := newAPI(os.Getenv)
	if err != nil {
		slog.Error("orders", "error", err)
		os.Exit(1)
	}
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		slog.Error("telemetry", "error", err) // tel is usable all the same
	}
	ag := agent.Start(ctx, tel)
	lambda.Start(handler.Wrap(api.handle, handler.WithTracker(ag)))
}
