package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// ownEvent has a member of each kind that some event has.
type ownEvent struct {
	HTTPMethod *string
	Headers    map[string]any
	Records    []struct{ Body string }
	Order      float64 `json:"order,string"`
}

// FuzzEvent gives any payload to a function of each kind of event, with any X-Ray header: it is taken or refused as
// without the wrapper, with the same answer, and leaves one span if it is taken.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		`{"httpMethod":"GET","path":"/a","resource":"/{x}","headers":{"TraceParent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}`,
		`{"rawPath":"/a","routeKey":"POST /a","requestContext":{"http":{"method":"post"}},"headers":{"x-forwarded-proto":"https"}}`,
		`{"httpMethod":"\u0000","multiValueHeaders":{"traceparent":["a","b"],"BAGGAGE":[]}}`, `{"headers":{"baggage":"a=b;c,%zz=1"}}`,
		`{"Records":[{"messageId":"1","body":"x"}]}`, `{}`, `null`, `[]`, `"`, ``, "{\"httpMethod\":\"\xff\"}",
	} {
		f.Add([]byte(seed), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
		f.Add([]byte(seed), "Root=;;Parent")
	}
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	opts := []handler.Option{
		handler.WithTracerProvider(provider), handler.WithRawEvent(), // which has a meaning for the last function alone
		handler.WithPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
	}
	functions := []any{
		func(_ context.Context, e events.APIGatewayProxyRequest) (any, error) { return e.Path, nil },
		func(_ context.Context, e *events.APIGatewayV2HTTPRequest) (any, error) { return e, nil },
		func(_ context.Context, e events.ALBTargetGroupRequest) (any, error) { return e.HTTPMethod, nil },
		func(_ context.Context, e events.LambdaFunctionURLRequest) (any, error) { return e.Headers, nil },
		func(_ context.Context, e events.SQSEvent) (any, error) { return len(e.Records), nil },
		func(_ context.Context, e map[string]any) (any, error) { return len(e), nil },
		func(_ context.Context, e json.RawMessage) (any, error) { return e, nil },
		func(_ context.Context, e events.KafkaEvent) (any, error) { return e, nil },
		func(_ context.Context, e ownEvent) (any, error) { return e, nil },
	}
	var plain, wrapped []lambda.Handler
	for _, fn := range functions {
		plain, wrapped = append(plain, lambda.NewHandler(fn)), append(wrapped, lambda.NewHandler(handler.Wrap(fn, opts...)))
	}
	f.Fuzz(func(t *testing.T, payload []byte, header string) {
		ctx := context.WithValue(t.Context(), xrayheader.ContextKey, header) //nolint:staticcheck // aws-lambda-go's own key
		for i := range functions {
			want, wantErr := plain[i].Invoke(ctx, payload)
			want = bytes.Clone(want)
			got, err := wrapped[i].Invoke(ctx, payload)
			if (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
				t.Errorf("function %d, %q: %q, %v; without the wrapper %q, %v", i, payload, got, err, want, wantErr)
			}
			if n := len(recorder.Ended()); n != 1 && err == nil { // with WithRawEvent there is one for an error too
				t.Errorf("function %d, %q: %d spans", i, payload, n)
			}
			recorder.Reset()
		}
	})
}
