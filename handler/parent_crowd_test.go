package handler_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// TestCrowd: of 64 invocations at once, as on Lambda Managed Instances, each has the parent that its own context
// names, and its own span in the function's context; round after round, whatever the environment variable says.
func TestCrowd(t *testing.T) {
	const crowd, rounds = 64, 5
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", "64")
	t.Setenv(environXRay, lambdaSampled)
	for _, propagators := range []string{"", "tracecontext,baggage,xray-lambda"} {
		j := newJournal()
		var inside sync.WaitGroup // all of a round are in the function before any returns
		h := lambda.NewHandler(handler.Wrap(func(ctx context.Context, _ int) (string, error) {
			inside.Done()
			inside.Wait()
			return trace.SpanContextFromContext(ctx).TraceID().String(), nil
		}, handler.WithTracerProvider(j.provider()), handler.WithPropagator(propagatorsNamed(t, propagators))))
		for round := range rounds {
			inside.Add(crowd)
			var done sync.WaitGroup
			for i := range crowd {
				done.Go(func() {
					n := round*crowd + i + 1
					ctx := context.WithValue(t.Context(), contextXRay, //nolint:staticcheck // aws-lambda-go's key
						fmt.Sprintf("Root=1-00000000-%024x;Parent=%016x;Sampled=1", n, n))
					out, err := h.Invoke(ctx, fmt.Append(nil, n))
					if want := fmt.Sprintf(`"%032x"`, n); err != nil || string(out) != want {
						t.Errorf("invocation %d is in trace %s, %v, want %s", n, out, err, want)
					}
				})
			}
			done.Wait()
		}
		if len(j.spans) != crowd*rounds {
			t.Errorf("%d spans, want %d", len(j.spans), crowd*rounds)
		}
		for _, s := range j.spans {
			if p := s.Parent(); p.TraceID().String()[16:] != p.SpanID().String() || p.TraceID() != s.SpanContext().TraceID() {
				t.Errorf("%v has the parent %v", s.SpanContext(), p)
			}
		}
	}
}
