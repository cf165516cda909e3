package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

func main() {
	if os.Getenv("E2E_SENDS_BY") == "sdk" {
		sendBySDK()
		return
	}
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		slog.Error("telemetry", "error", err)
	}
	record(tel.TracerProvider())
	ag := agent.Start(ctx, tel)
	lambda.Start(handler.Wrap(handle, handler.WithTracker(ag), handler.WithoutInitSpan()))
}
