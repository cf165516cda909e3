package handler_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// initTime is the time of the initialization in these tests.
const initTime = 120 * time.Millisecond

// started is a process in Lambda with the initialization type given, that began initTime ago.
func started(kind string) handler.Process {
	vars := map[string]string{"AWS_LAMBDA_RUNTIME_API": "api", "AWS_LAMBDA_INITIALIZATION_TYPE": kind}
	return handler.Process{Getenv: func(key string) string { return vars[key] }, Began: time.Now().Add(-initTime)}
}

// startedFunction is a function that does nothing, with a recorder, in an on-demand environment.
func startedFunction(j *recorder, opts ...handler.Option) readerFunc {
	opts = append(append(j.options(true), handler.WithProcess(started("on-demand"))), opts...)
	return handler.Wrap(func() {}, opts...).(readerFunc)
}

// named returns the spans of that name that have ended.
func (j *recorder) named(name string) []sdktrace.ReadOnlySpan {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []sdktrace.ReadOnlySpan
	for _, s := range j.spans {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	return found
}

// TestColdStart asserts the attributes of the first three invocations and the init span, for each initialization type
// and time between the initialization and the first invocation.
func TestColdStart(t *testing.T) {
	setFunction(t, "orders", "")
	for _, tt := range []struct {
		kind string
		idle time.Duration
		cold string
		says string
	}{
		{"on-demand", 3 * time.Millisecond, "true", "on-demand"},
		{"on-demand", 10 * time.Second, "true", "on-demand"}, // a slow extension
		{"on-demand", 10*time.Second + 1, "false", "proactive"},
		{"on-demand", 6 * time.Hour, "false", "proactive"},
		{"provisioned-concurrency", time.Millisecond, "false", "provisioned-concurrency"},
		{"provisioned-concurrency", time.Hour, "false", "provisioned-concurrency"},
		{"lambda-managed-instances", time.Second, "false", "lambda-managed-instances"},
		{"a type yet to come", time.Hour, "true", "a type yet to come"},
		{"", time.Millisecond, "true", ""},
		{"", time.Minute, "false", "proactive"},
	} {
		t.Run(tt.kind+" after "+tt.idle.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newRecorder()
				fn := startedFunction(j, handler.WithProcess(started(tt.kind)))
				ready := time.Now()
				time.Sleep(tt.idle)
				for range 3 {
					_, _ = fn(t.Context())
					time.Sleep(time.Minute)
				}
				spans, inits := j.named("orders"), j.named("init")
				if len(inits) != 1 {
					t.Fatalf("%d init spans, want 1", len(inits))
				}
				var got []string
				for _, s := range append(spans, inits...) {
					a := attributes(s.Attributes())
					got = append(got, a["faas.coldstart"]+" "+a["epilogue.initialization_type"])
				}
				want := []string{tt.cold + " " + tt.says, "false ", "false ", tt.cold + " " + tt.says}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("faas.coldstart and epilogue.initialization_type (-want +got):\n%s", diff)
				}
				wantInit(t, inits[0], spans[0], ready)
			})
		})
	}
}

// wantInit fails the test unless init is the span of an initialization that took initTime up to ready, in the trace of
// the first invocation.
func wantInit(t *testing.T, init, first sdktrace.ReadOnlySpan, ready time.Time) {
	t.Helper()
	if parent, want := init.Parent(), first.SpanContext(); !parent.Equal(want) {
		t.Errorf("the init span's parent is %v, want the first invocation's %v", parent, want)
	}
	if !init.StartTime().Equal(ready.Add(-initTime)) || !init.EndTime().Equal(ready) {
		t.Errorf("init from %v to %v, want the %v before %v", init.StartTime(), init.EndTime(), initTime, ready)
	}
	if init.SpanKind() != trace.SpanKindInternal {
		t.Errorf("the init span's kind is %v", init.SpanKind())
	}
}

// TestInitSpanHasEndedBeforeTheHandlerRuns so that it leaves with the first flush.
func TestInitSpanHasEndedBeforeTheHandlerRuns(t *testing.T) {
	j := newRecorder()
	ended := 0
	fn := handler.Wrap(func() { ended = len(j.named("init")) },
		append(j.options(true), handler.WithProcess(started("on-demand")))...).(readerFunc)
	_, _ = fn(t.Context())
	if ended != 1 {
		t.Errorf("%d init spans had ended when the handler ran, want 1", ended)
	}
}

func TestNoInitSpan(t *testing.T) {
	nowhere := handler.Process{Getenv: func(string) string { return "" }, Began: time.Now()}
	for name, tt := range map[string]struct {
		option handler.Option
		spans  int
	}{
		"by option":      {handler.WithoutInitSpan(), 1},
		"not sampled":    {sdk(sdktrace.WithSampler(sdktrace.NeverSample())), 0},
		"outside Lambda": {handler.WithProcess(nowhere), 1},
	} {
		j := newRecorder()
		_, _ = startedFunction(j, tt.option)(t.Context())
		if len(j.spans) != tt.spans || len(j.named("init")) != 0 {
			t.Errorf("%s: spans %v, want %d and no init span", name, j.spans, tt.spans)
		}
	}
}

// TestOneOfManyInvocationsIsTheFirst has invocations that begin concurrently.
func TestOneOfManyInvocationsIsTheFirst(t *testing.T) {
	setFunction(t, "orders", "")
	const many = 64
	j := newRecorder()
	fn := startedFunction(j)
	var wait sync.WaitGroup
	for range many {
		wait.Go(func() { _, _ = fn(t.Context()) })
	}
	wait.Wait()
	var cold []sdktrace.ReadOnlySpan
	for _, s := range j.named("orders") {
		if attributes(s.Attributes())["faas.coldstart"] == "true" {
			cold = append(cold, s)
		}
	}
	inits := j.named("init")
	if len(inits) != 1 || len(cold) != 1 || inits[0].Parent().SpanID() != cold[0].SpanContext().SpanID() {
		t.Errorf("%d init spans and %d cold starts of %d invocations, want one, of one another", len(inits), len(cold), many)
	}
}
