// This file takes the place of examples/orders/main.go when the test builds the function. It wires the same, and also
// records (see record.go) and ends one more span at the end.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel"

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
	record(tel)
	ag := agent.Start(ctx, tel, agent.WithShutdownHook(endOneMore))
	lambda.Start(handler.Wrap(api.handle, handler.WithTracker(ag)))
}

// endOneMore ends a span after SIGTERM: only the last flush can deliver it.
func endOneMore(ctx context.Context) {
	_, span := otel.Tracer("e2e").Start(ctx, "close the shop")
	span.End()
}
