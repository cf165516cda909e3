package handler_test

import (
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// TestProviders: the provider of each invocation is the global one of that moment, though its tracer is kept.
func TestProviders(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	h := lambda.NewHandler(handler.Wrap(func() error { return nil }))
	for range 2 {
		j := newJournal()
		otel.SetTracerProvider(j.provider())
		for range 2 {
			ctx, cancel := invocationContext(t)
			if _, err := h.Invoke(ctx, []byte("{}")); err != nil {
				t.Error(err)
			}
			cancel()
		}
		if len(j.spans) != 2 {
			t.Errorf("%d spans have come to the provider that is set, want 2", len(j.spans))
		}
	}
}

// uncomparable is a provider whose comparison panics.
type uncomparable struct {
	trace.TracerProvider
	_ []int
}

func TestProviderThatCanNotBeCompared(t *testing.T) {
	j := newJournal()
	h := lambda.NewHandler(handler.Wrap(func() error { return nil },
		handler.WithTracerProvider(uncomparable{TracerProvider: j.provider()})))
	for range 3 {
		ctx, cancel := invocationContext(t)
		if _, err := h.Invoke(ctx, []byte("{}")); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if len(j.spans) != 3 {
		t.Errorf("%d spans of 3 invocations", len(j.spans))
	}
}

// TestAliases: each invocation's ARN counts, though what the last one says is kept.
func TestAliases(t *testing.T) {
	setFunction(t, "", "7")
	j := newJournal()
	fn := handler.Wrap(func() {}, j.options(true)...).(readerFunc)
	for _, alias := range []string{"live", "live", "next", "live"} {
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: functionARN + ":" + alias})
		_, _ = fn(ctx)
		got := attributes(j.spans[len(j.spans)-1].Attributes())
		if got["aws.lambda.invoked_arn"] != functionARN+":"+alias || got["cloud.resource_id"] != functionARN+":7" {
			t.Errorf("invoked by %s: %v", alias, got)
		}
	}
}
