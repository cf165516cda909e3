package handler_test

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// The environment of the child processes of TestEquality, which are this test binary.
const (
	childAPI     = "EPILOGUE_TEST_API"     // host and port of the Runtime API
	childJobs    = "EPILOGUE_TEST_JOBS"    // a line a job: number, shape, set of options
	childWrapped = "EPILOGUE_TEST_WRAPPED" // a wrapping
)

// optionSets are aws-lambda-go's options, by name; each changes something that no other one does.
var optionSets = map[string][]lambda.Option{
	"none":   nil,
	"escape": {lambda.WithSetEscapeHTML(true), lambda.WithUseNumber(true), lambda.WithSetIndent("", "  ")},
	"indent": {lambda.WithSetIndent(">", "  "), lambda.WithContextValue(contextKey{}, "<value>")},
	"strict": {lambda.WithDisallowUnknownFields(true), lambda.WithSetIndent("\t", "")},
	"context": {
		lambda.WithContext(context.WithValue(context.Background(), contextKey{}, "<base>")), lambda.WithEnableSIGTERM(func() {}),
	},
}

type contextKey struct{}

// runChild is the child's main: real aws-lambda-go serves one job after another, each in a loop of its own, until the
// child is killed or ends by itself.
func runChild() {
	for name := range strings.SplitSeq(os.Getenv(childJobs), "\n") {
		parts := strings.Split(name, "|")
		api := os.Getenv(childAPI) + "/" + parts[0]
		if err := os.Setenv("AWS_LAMBDA_RUNTIME_API", api); err != nil {
			panic(err)
		}
		go serve(shapes[parts[1]], optionSets[parts[2]])
		resp, err := http.Get("http://" + api + "/done")
		if err != nil {
			panic(err)
		}
		_ = resp.Body.Close()
	}
	select {}
}

// serve does not return.
func serve(h any, options []lambda.Option) {
	if how := wrapping(os.Getenv(childWrapped)); how != bare {
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(discard{}))
		opts := []handler.Option{handler.WithTracerProvider(provider), handler.WithLambdaOptions(options...)}
		if how == wrappedRaw {
			opts = append(opts, handler.WithRawEvent())
		}
		h = handler.Wrap(h, opts...)
	}
	lambda.StartWithOptions(h, options...)
}
