package handler_test

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/requestid"
)

// The context of an invocation has its request id for log records of otelx.
func TestContextHasTheRequestID(t *testing.T) {
	got := ""
	fn := handler.Wrap(func(ctx context.Context) error { got = requestid.From(ctx); return nil }).(readerFunc)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id-7"})
	if _, err := fn(ctx); err != nil || got != "id-7" {
		t.Errorf("request id %q, %v", got, err)
	}
}
