package handler_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/otelerr"
)

// broken is a propagator, a sampler, a span processor and a tracker. Each panics.
type broken struct {
	propagation.TextMapPropagator
	sdktrace.Sampler
	sdktrace.SpanProcessor
}

func (broken) Extract(context.Context, propagation.TextMapCarrier) context.Context {
	panic("in Extract")
}
func (broken) Fields() []string                                { return nil }
func (broken) OnStart(context.Context, sdktrace.ReadWriteSpan) { panic("in OnStart") }
func (broken) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	panic("in ShouldSample")
}
func (broken) Attach()                          { panic("in Attach") }
func (broken) Begin(string, time.Time, [8]byte) { panic("in Begin") }
func (broken) End(string)                       { panic("in End") }
func (broken) Flush(string) error               { panic("in Flush") }
func (broken) FlushBeforeExit(string)           { panic("in FlushBeforeExit") }
func (broken) FlushesAfterEnd(string) bool      { panic("in FlushesAfterEnd") }
func (broken) EndOpenSpans(string, string) int  { panic("in EndOpenSpans") }

// brokenEnd is a span processor that panics at the end of a span only.
type brokenEnd struct{ sdktrace.SpanProcessor }

func (brokenEnd) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (brokenEnd) OnEnd(sdktrace.ReadOnlySpan)                     { panic("in OnEnd") }

// nilProvider is a provider whose tracer returns no spans.
type nilProvider struct{ noop.TracerProvider }

type nilTracer struct{ noop.Tracer }

func (nilProvider) Tracer(string, ...trace.TracerOption) trace.Tracer { return nilTracer{} }

func (nilTracer) Start(context.Context, string, ...trace.SpanStartOption) (context.Context, trace.Span) {
	return nil, nil //nolint:nilnil // what a tracer must not do
}

// brokenMessage is an error whose message panics.
type brokenMessage struct{}

func (brokenMessage) Error() string { panic("in Error") }

func sdk(opts ...sdktrace.TracerProviderOption) handler.Option {
	return handler.WithTracerProvider(sdktrace.NewTracerProvider(opts...))
}

// brokenTelemetry holds everything behind Wrap that can panic.
var brokenTelemetry = map[string]handler.Option{
	"propagator":             handler.WithPropagator(broken{}),
	"sampler":                sdk(sdktrace.WithSampler(broken{})),
	"processor's OnStart":    sdk(sdktrace.WithSpanProcessor(broken{})),
	"processor's OnEnd":      sdk(sdktrace.WithSpanProcessor(brokenEnd{})),
	"provider, nil pointer":  handler.WithTracerProvider((*sdktrace.TracerProvider)(nil)),
	"provider of nil spans":  handler.WithTracerProvider(nilProvider{}),
	"tracker":                handler.WithTracker(broken{}),
	"tracker, a nil pointer": handler.WithTracker((*recorder)(nil)),
}

// TestPanicOfTelemetryIsNotTheFunctions asserts that results, errors and panics stay as they are, that nothing reaches
// aws-lambda-go's goroutines, and that there is one report.
func TestPanicOfTelemetryIsNotTheFunctions(t *testing.T) {
	var reports atomic.Int32
	otelerr.Handle(t, func(error) { reports.Add(1); panic("in Handle") })
	for name, option := range brokenTelemetry {
		t.Run(name, func(t *testing.T) {
			reports.Store(0)
			fn := handler.Wrap(func(_ context.Context, e events.APIGatewayProxyRequest) (any, error) {
				switch e.Path {
				case "/error":
					return nil, errFlush
				case "/panic":
					panic(brokenMessage{})
				case "/stream":
					return strings.NewReader("stream"), nil
				}
				return events.APIGatewayProxyResponse{StatusCode: 500}, nil
			}, option)
			for range 2 {
				for _, path := range []string{"/", "/error", "/panic", "/stream"} {
					synctest.Test(t, func(t *testing.T) { callBroken(t, fn, path) })
				}
			}
			if n := reports.Load(); n != 1 {
				t.Errorf("%d reports of the panics, want 1", n)
			}
		})
	}
}

func callBroken(t *testing.T, fn any, path string) {
	ctx, cancel := invocationContext(t)
	defer synctest.Wait() // the hook on the cancellation has run
	defer cancel()
	defer func() {
		var want any
		if path == "/panic" {
			want = brokenMessage{}
		}
		if got := recover(); got != want {
			t.Errorf("%s: panic %v, want %v", path, got, want)
		}
	}()
	out, err := fn.(eventFunc)(ctx, events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: path})
	if path == "/error" {
		if !errors.Is(err, errFlush) {
			t.Errorf("error %v, want %v", err, errFlush)
		}
		return
	}
	body, _ := io.ReadAll(out)
	if err := out.(io.Closer).Close(); err != nil || len(body) == 0 {
		t.Errorf("%s: response %q, %v", path, body, err)
	}
}

func TestErrorHandlerThatNeverReturnsHoldsNoInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		defer close(never)
		otelerr.Handle(t, func(error) { <-never })
		ctx, cancel := invocationContext(t)
		defer cancel()
		fn := handler.Wrap(func() {}, sdk(sdktrace.WithSampler(broken{}))).(readerFunc)
		for i, most := range []time.Duration{100 * time.Millisecond, 0} {
			began := time.Now()
			if _, err := fn(ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > most {
				t.Errorf("invocation %d took %v", i+1, took)
			}
		}
	})
}
