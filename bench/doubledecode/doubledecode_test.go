package doubledecode_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/bench/doubledecode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWrap shows that the rival works: the event arrives, the span's parent is the caller's, and the flush comes after the
// end of the span.
func TestWrap(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() { otel.SetTracerProvider(provider); otel.SetTextMapPropagator(propagator) })
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	otel.SetTextMapPropagator(propagation.TraceContext{})

	type event struct {
		Body    string            `json:"body"`
		Headers map[string]string `json:"headers"`
	}
	var got event
	flushedWith := -1
	fn := doubledecode.Wrap(func(_ context.Context, e event) (string, error) {
		got = e
		return "done", nil
	}, func(context.Context) error {
		flushedWith = len(recorder.Ended())
		return nil
	})
	want := event{Body: "tea", Headers: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	payload, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	out, err := lambda.NewHandler(fn).Invoke(t.Context(), payload)
	if err != nil || string(out) != `"done"` || got.Body != want.Body {
		t.Errorf("answer %s, %v; the handler got %q", out, err, got.Body)
	}
	if flushedWith != 1 {
		t.Fatalf("flushed with %d spans, want 1", flushedWith)
	}
	if parent := recorder.Ended()[0].Parent(); parent.SpanID().String() != "00f067aa0ba902b7" || !parent.IsRemote() {
		t.Errorf("the parent is %v", parent)
	}
}
