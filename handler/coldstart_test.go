package handler_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// initTime is what the initialization takes in these tests.
const initTime = 120 * time.Millisecond

// started is a process in Lambda with the initialization type given, that began initTime ago.
func started(kind string) handler.Process {
	vars := map[string]string{"AWS_LAMBDA_RUNTIME_API": "api", "AWS_LAMBDA_INITIALIZATION_TYPE": kind}
	return handler.Process{
		Getenv: func(key string) string { return vars[key] },
		Began:  time.Now().Add(-initTime),
	}
}

// named returns the spans of that name that have ended.
func (j *journal) named(name string) []sdktrace.ReadOnlySpan {
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

// TestColdStart: what the invocations' spans and the init span say, for every way in which an environment comes to be
// and every time that it may wait then.
func TestColdStart(t *testing.T) {
	setFunction(t, "orders", "")
	tests := []struct {
		name, kind string
		idle       time.Duration // between the initialization and the first invocation
		cold       string
		says       string
	}{
		{"on-demand", "on-demand", 3 * time.Millisecond, "true", "on-demand"},
		{"on-demand, with a slow extension", "on-demand", 10 * time.Second, "true", "on-demand"},
		{"proactive", "on-demand", 10*time.Second + 1, "false", "proactive"},
		{"proactive, frozen for long", "on-demand", 6 * time.Hour, "false", "proactive"},
		{"provisioned, used at once", "provisioned-concurrency", time.Millisecond, "false", "provisioned-concurrency"},
		{"provisioned", "provisioned-concurrency", time.Hour, "false", "provisioned-concurrency"},
		{"Managed Instances", "lambda-managed-instances", time.Second, "false", "lambda-managed-instances"},
		{"a type yet to come", "snap-start", time.Hour, "true", "snap-start"},
		{"no type", "", time.Millisecond, "true", ""},
		{"no type, long ago", "", time.Minute, "false", "proactive"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				fn := handler.Wrap(func() {}, append(j.options(true), handler.WithProcess(started(tt.kind)))...).(readerFunc)
				ready := time.Now()
				time.Sleep(tt.idle)
				for range 3 {
					_, _ = fn(t.Context())
					time.Sleep(time.Minute)
				}
				spans := j.named("orders")
				var cold, says []string
				for _, s := range spans {
					cold = append(cold, attributes(s.Attributes())["faas.coldstart"])
					says = append(says, attributes(s.Attributes())["epilogue.initialization_type"])
				}
				if diff := cmp.Diff([]string{tt.cold, "false", "false"}, cold); diff != "" {
					t.Errorf("faas.coldstart (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{tt.says, "", ""}, says); diff != "" {
					t.Errorf("epilogue.initialization_type (-want +got):\n%s", diff)
				}
				want := map[string]string{"faas.coldstart": tt.cold}
				if tt.says != "" {
					want["epilogue.initialization_type"] = tt.says
				}
				inits := j.named("init")
				if len(inits) != 1 {
					t.Fatalf("%d init spans, want 1", len(inits))
				}
				if diff := cmp.Diff(want, attributes(inits[0].Attributes())); diff != "" {
					t.Errorf("the init span's attributes (-want +got):\n%s", diff)
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
	if init.Parent().SpanID() != first.SpanContext().SpanID() || init.SpanContext().TraceID() != first.SpanContext().TraceID() {
		t.Errorf("the init span's parent is %v, want the first invocation's %v", init.Parent(), first.SpanContext())
	}
	if !init.StartTime().Equal(ready.Add(-initTime)) || !init.EndTime().Equal(ready) {
		t.Errorf("the init span lasts from %v to %v, want the %v before %v", init.StartTime(), init.EndTime(), initTime, ready)
	}
	if init.SpanKind() != trace.SpanKindInternal {
		t.Errorf("the init span's kind is %v", init.SpanKind())
	}
}

// TestInitSpanHasEndedBeforeTheHandlerRuns: so it leaves with the first flush, whatever the handler does.
func TestInitSpanHasEndedBeforeTheHandlerRuns(t *testing.T) {
	j := newJournal()
	ended := 0
	fn := handler.Wrap(func() { ended = len(j.named("init")) },
		append(j.options(true), handler.WithProcess(started("on-demand")))...).(readerFunc)
	_, _ = fn(t.Context())
	if ended != 1 {
		t.Errorf("%d init spans had ended when the handler ran, want 1", ended)
	}
}

// TestInitSpanOfATraceThatGoesOn: the trace is the caller's if there is one.
func TestInitSpanOfATraceThatGoesOn(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	j := newJournal()
	fn := handler.Wrap(func() {}, append(j.options(true), handler.WithProcess(started("on-demand")))...).(readerFunc)
	_, _ = fn(context.WithValue(t.Context(), "x-amzn-trace-id", header)) //nolint:staticcheck // aws-lambda-go's key
	if init := j.named("init"); len(init) != 1 || init[0].SpanContext().TraceID().String() != "5759e988bd862e3fe1be46a994272793" {
		t.Errorf("init spans %v, want one in the caller's trace", init)
	}
}

// TestNoInitSpan: if it is switched off, if the invocation is not sampled, and if nothing was initialized.
func TestNoInitSpan(t *testing.T) {
	nowhere := handler.Process{Getenv: func(string) string { return "" }, Began: time.Now()}
	tests := []struct {
		name    string
		sampler sdktrace.Sampler
		options []handler.Option
		ended   int // spans in all
	}{
		{"switched off", sdktrace.AlwaysSample(), []handler.Option{handler.WithProcess(started("on-demand")), handler.WithoutInitSpan()}, 1},
		{"not sampled", sdktrace.NeverSample(), []handler.Option{handler.WithProcess(started("on-demand"))}, 0},
		{"outside Lambda", sdktrace.AlwaysSample(), []handler.Option{handler.WithProcess(nowhere)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJournal()
			provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(j), sdktrace.WithSampler(tt.sampler))
			_, _ = handler.Wrap(func() {}, append(tt.options, handler.WithTracerProvider(provider))...).(readerFunc)(t.Context())
			if len(j.spans) != tt.ended || len(j.named("init")) != 0 {
				t.Errorf("%d spans have ended, of them %d init; want %d and none", len(j.spans), len(j.named("init")), tt.ended)
			}
		})
	}
}

// TestInitSpanIsSampledAsItsTraceIs: a ratio sampler decides on the init span by the trace's ID, as on the invocation's.
func TestInitSpanIsSampledAsItsTraceIs(t *testing.T) {
	setFunction(t, "orders", "")
	for range 50 {
		j := newJournal()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(j), sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.5)))
		_, _ = handler.Wrap(func() {}, handler.WithTracerProvider(provider), handler.WithProcess(started("on-demand"))).(readerFunc)(t.Context())
		if inits, invocations := len(j.named("init")), len(j.named("orders")); inits != invocations {
			t.Fatalf("%d init spans and %d invocations are sampled", inits, invocations)
		}
	}
}

// TestFirstOfMany: of invocations that begin at once one is the first.
func TestFirstOfMany(t *testing.T) {
	setFunction(t, "orders", "")
	const many = 64
	j := newJournal()
	fn := handler.Wrap(func() {}, append(j.options(true), handler.WithProcess(started("on-demand")))...).(readerFunc)
	var wait sync.WaitGroup
	for range many {
		wait.Go(func() { _, _ = fn(t.Context()) })
	}
	wait.Wait()
	inits := j.named("init")
	var cold []sdktrace.ReadOnlySpan
	for _, s := range j.named("orders") {
		if attributes(s.Attributes())["faas.coldstart"] == "true" {
			cold = append(cold, s)
		}
	}
	if len(inits) != 1 || len(cold) != 1 || inits[0].Parent().SpanID() != cold[0].SpanContext().SpanID() {
		t.Errorf("%d init spans and %d cold starts of %d invocations, want one, of one another", len(inits), len(cold), many)
	}
}

// refusing is a span processor that panics at the begin of an init span.
type refusing struct{ *journal }

func (r refusing) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	if s.Name() == "init" {
		panic("no init spans here")
	}
}

// TestInitSpanThatPanics: it costs itself alone.
func TestInitSpanThatPanics(t *testing.T) {
	setFunction(t, "orders", "")
	j := newJournal()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(refusing{j}))
	fn := handler.Wrap(func() {}, handler.WithTracerProvider(provider), handler.WithProcess(started("on-demand"))).(readerFunc)
	if _, err := fn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(j.spans) != 1 || j.spans[0].Name() != "orders" {
		t.Errorf("spans %v, want the invocation's", j.spans)
	}
}
