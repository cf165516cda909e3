package xrayheader_test

import (
	"context"
	"testing"

	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// TestOfInvocation: the context's header counts, and the environment's only if it can be no other invocation's.
func TestOfInvocation(t *testing.T) {
	for _, tt := range []struct {
		context, environ, concurrency, want string
	}{
		{"", "", "", ""},
		{"c", "e", "", "c"},
		{"c", "e", "64", "c"},
		{"", "e", "", "e"},
		{"", "e", "1", "e"},
		{"", "e", "0", "e"},
		{"", "e", "many", "e"},
		{"", "e", "2", ""},
	} {
		t.Setenv(xrayheader.EnvKey, tt.environ)
		t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", tt.concurrency)
		ctx := context.WithValue(t.Context(), xrayheader.ContextKey, tt.context) //nolint:staticcheck // aws-lambda-go's key
		if got := xrayheader.OfInvocation(ctx); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", "")
	t.Setenv(xrayheader.EnvKey, "e")
	if got := xrayheader.OfInvocation(t.Context()); got != "e" {
		t.Errorf("without a value in the context: %q", got)
	}
}
