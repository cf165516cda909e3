package handler_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// discard is an exporter that keeps nothing.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

// recorder is an ordered record of the calls of the tracker, the ends of spans, and the steps of the test.
type recorder struct {
	mu      sync.Mutex
	entries []string
	spans   []sdktrace.ReadOnlySpan

	flushTakes time.Duration
}

func newRecorder() *recorder { return &recorder{} }

func (j *recorder) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// want fails the test unless exactly these entries were made, in this order.
func (j *recorder) want(t *testing.T, entries ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(entries, j.entries); diff != "" {
		t.Errorf("order of events (-want +got):\n%s", diff)
	}
}

// has reports whether an entry was made.
func (j *recorder) has(entry string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Contains(j.entries, entry)
}

// span returns the only span that has ended.
func (j *recorder) span(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.spans) != 1 {
		t.Fatalf("%d spans have ended, want 1", len(j.spans))
	}
	return j.spans[0]
}

// reset empties the recorder and returns how many spans had ended.
func (j *recorder) reset() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	spans := len(j.spans)
	j.spans, j.entries = nil, nil
	return spans
}

// A recorder is a span processor.
func (j *recorder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (j *recorder) Shutdown(context.Context) error                  { return nil }
func (j *recorder) ForceFlush(context.Context) error                { return nil }
func (j *recorder) OnEnd(s sdktrace.ReadOnlySpan) {
	j.add("span ended")
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spans = append(j.spans, s)
}

// provider samples everything: an unsampled parent shows in the span's parent.
func (j *recorder) provider() trace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(j), sdktrace.WithSampler(sdktrace.AlwaysSample()))
}

// A recorder is a Tracker that flushes after End.
func (j *recorder) Attach()                                 { j.add("Attach") }
func (j *recorder) Begin(id string, _ time.Time, _ [8]byte) { j.add("Begin " + id) }
func (j *recorder) End(id string)                           { j.add("End " + id) }
func (j *recorder) FlushBeforeExit(id string)               { j.add("FlushBeforeExit " + id) }
func (j *recorder) FlushesAfterEnd(string) bool             { return true }

func (j *recorder) Flush(id string) error {
	time.Sleep(j.flushTakes)
	j.add("Flush " + id)
	return errFlush
}

func (j *recorder) EndOpenSpans(id, reason string) int {
	j.add("EndOpenSpans " + id + ": " + reason)
	return 1
}

// endFlushes is a recorder whose End flushes.
type endFlushes struct{ *recorder }

func (endFlushes) FlushesAfterEnd(string) bool { return false }

// options instruments with the recorder.
func (j *recorder) options(flushesAfterEnd bool) []handler.Option {
	tracker := handler.WithTracker(j)
	if !flushesAfterEnd {
		tracker = handler.WithTracker(endFlushes{j})
	}
	return []handler.Option{tracker, handler.WithTracerProvider(j.provider())}
}

// errFlush is the error of each Flush of a recorder: nothing depends on it.
var errFlush = errors.New("flush failed")

// readerFunc is the type that Wrap gives to a function without an event.
type readerFunc = func(context.Context) (io.Reader, error)

// result returns a function with these results.
func result(value any, err error) any {
	return func() (any, error) { return value, err }
}

const (
	requestID   = "r1"
	functionARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
)

// invocationContext returns a context as aws-lambda-go makes it.
func invocationContext(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: functionARN,
	}), cancel
}

// invoke runs one invocation with real decoding and encoding. It recovers a panic of fn.
func invoke(t *testing.T, fn any, payload string, opts ...handler.Option) (j *recorder) {
	t.Helper()
	j = newRecorder()
	ctx, cancel := invocationContext(t)
	defer cancel()
	defer func() { _ = recover() }()
	_, _ = lambda.NewHandler(handler.Wrap(fn, append(j.options(true), opts...)...)).Invoke(ctx, []byte(payload))
	return j
}
