// Package epilogue is the function with this project's packages, as the README has it.
package epilogue

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/bench/spans"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// Run is main. The function calls instrumented with the number of child spans; opts are added to those of the README.
func Run(instrumented func(ctx context.Context, children int), opts ...otelx.Option) {
	ctx := context.Background()
	tel, err := otelx.New(ctx, append(opts, awslambda.Defaults())...)
	if err != nil {
		slog.Error("telemetry", "error", err)
	}
	end := spans.Open()
	ag := agent.Start(ctx, tel, agent.WithShutdownHook(func(context.Context) { end() }))
	lambda.Start(handler.Wrap(function.New(instrumented).Handle, handler.WithTracker(ag)))
}
