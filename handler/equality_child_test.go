package handler_test

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// The environment of the child processes of TestEquality, which are this test binary.
const (
	childShape   = "EPILOGUE_TEST_SHAPE"
	childOptions = "EPILOGUE_TEST_OPTIONS"
	childWrapped = "EPILOGUE_TEST_WRAPPED"
)

// optionSets are aws-lambda-go's options, by name.
var optionSets = map[string][]lambda.Option{
	"none":    nil,
	"escape":  {lambda.WithSetEscapeHTML(true)},
	"indent":  {lambda.WithSetIndent(">", "  ")},
	"prefix":  {lambda.WithSetIndent("\t", "")},
	"number":  {lambda.WithUseNumber(true), lambda.WithSetEscapeHTML(true), lambda.WithSetIndent("", " ")},
	"strict":  {lambda.WithDisallowUnknownFields(true)},
	"context": {lambda.WithContextValue(contextKey{}, "<value>")},
}

type contextKey struct{}

// runChild is the child's main: it serves one shape with real aws-lambda-go until it is killed or ends by itself.
func runChild() {
	shape, ok := shapes[os.Getenv(childShape)]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such shape")
		os.Exit(3)
	}
	options := optionSets[os.Getenv(childOptions)]
	h := shape()
	if os.Getenv(childWrapped) == "true" {
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(discard{}))
		h = handler.Wrap(h, handler.WithTracker(quietTracker{}), handler.WithTracerProvider(provider),
			handler.WithLambdaOptions(options...))
	}
	lambda.StartWithOptions(h, options...)
}

// quietTracker holds, and does nothing.
type quietTracker struct{}

func (quietTracker) Attach()                          {}
func (quietTracker) Begin(string, time.Time, [8]byte) {}
func (quietTracker) End(string)                       {}
func (quietTracker) Flush(string) error               { return nil }
