package handler_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

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

// journal is an ordered record of the calls of the tracker, the ends of spans, and the steps of the test.
type journal struct {
	mu      sync.Mutex
	entries []string
	spans   []sdktrace.ReadOnlySpan
	ended   chan struct{} // receives once for each End
}

func newJournal() *journal { return &journal{ended: make(chan struct{}, 100)} }

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// want fails the test unless exactly these entries were made, in this order.
func (j *journal) want(t *testing.T, entries ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(entries, j.entries); diff != "" {
		t.Errorf("order of events (-want +got):\n%s", diff)
	}
}

// has reports whether an entry was made.
func (j *journal) has(entry string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Contains(j.entries, entry)
}

// span returns the only span that has ended.
func (j *journal) span(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.spans) != 1 {
		t.Fatalf("%d spans have ended, want 1", len(j.spans))
	}
	return j.spans[0]
}

// A journal is a span processor.
func (j *journal) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (j *journal) Shutdown(context.Context) error                  { return nil }
func (j *journal) ForceFlush(context.Context) error                { return nil }
func (j *journal) OnEnd(s sdktrace.ReadOnlySpan) {
	j.add("span ended")
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spans = append(j.spans, s)
}

func (j *journal) provider() trace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(j))
}

// A journal is a Tracker that flushes after End.
func (j *journal) Attach()                                 { j.add("attach") }
func (j *journal) Begin(id string, _ time.Time, _ [8]byte) { j.add("begin " + id) }
func (j *journal) End(id string)                           { j.add("end " + id); j.ended <- struct{}{} }
func (j *journal) Flush(id string) error                   { j.add("flush " + id); return errFlush }
func (j *journal) FlushBeforeExit(id string)               { j.add("exit flush " + id) }
func (j *journal) FlushesAfterEnd(string) bool             { return true }

func (j *journal) EndOpenSpans(id, reason string) int {
	j.add("end open spans of " + id + ": " + reason)
	return 1
}

// endFlushes is a journal whose End flushes.
type endFlushes struct{ *journal }

func (endFlushes) FlushesAfterEnd(string) bool { return false }

// options instruments with the journal.
func (j *journal) options(flushesAfterEnd bool) []handler.Option {
	tracker := handler.WithTracker(j)
	if !flushesAfterEnd {
		tracker = handler.WithTracker(endFlushes{j})
	}
	return []handler.Option{tracker, handler.WithTracerProvider(j.provider())}
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
