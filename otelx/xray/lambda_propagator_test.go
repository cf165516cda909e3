package xray_test

import (
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx/xray"
)

// TestLambdaExtract: the conventions' pseudo-code, case by case.
func TestLambdaExtract(t *testing.T) {
	fromCaller, fromLambda := callerTrace+" "+callerSpan, lambdaTrace+" "+lambdaSpan
	tests := []struct {
		name, caller, context, environ, concurrency string
		active                                      bool // the context has a span context before
		want                                        string
	}{
		{name: "nothing"},
		{name: "caller alone", caller: callerRoot + ";Sampled=1", want: fromCaller},
		{name: "Lambda alone", context: lambdaRoot + ";Sampled=1", want: fromLambda},
		{name: "Lambda beats the caller", caller: callerRoot + ";Sampled=1", context: lambdaRoot + ";Sampled=1", want: fromLambda},
		{name: "Lambda's decision too", caller: callerRoot + ";Sampled=1", context: lambdaRoot + ";Sampled=0", want: fromLambda + " -"},
		{name: "environment", caller: callerRoot + ";Sampled=1", environ: lambdaRoot + ";Sampled=1", want: fromLambda},
		{name: "context beats environment", context: lambdaRoot + ";Sampled=1", environ: callerRoot + ";Sampled=1", want: fromLambda},
		{name: "environment, one at a time", environ: lambdaRoot + ";Sampled=1", concurrency: "1", want: fromLambda},
		{name: "environment of another invocation", caller: callerRoot + ";Sampled=1", environ: lambdaRoot + ";Sampled=1", concurrency: "2", want: fromCaller},
		{name: "context, many at once", context: lambdaRoot + ";Sampled=1", concurrency: "64", want: fromLambda},
		{name: "Lambda's is malformed", caller: callerRoot + ";Sampled=1", context: "Root=1", want: fromCaller},
		{name: "Lambda's has no Parent", caller: callerRoot + ";Sampled=1", context: lambdaAlone, want: fromCaller},
		{name: "active, no caller", active: true, context: lambdaRoot + ";Sampled=1", want: activeIDs},
		{name: "active, caller", active: true, caller: callerRoot + ";Sampled=1", context: lambdaRoot + ";Sampled=1", want: fromCaller},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(environKey, tt.environ)
			t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", tt.concurrency)
			ctx := invocation(t.Context(), tt.context)
			if tt.active {
				ctx = trace.ContextWithRemoteSpanContext(ctx, active)
			}
			if got := ids(xray.LambdaPropagator{}.Extract(ctx, carrier(tt.caller)), t); got != tt.want {
				t.Errorf("extracted %q, want %q", got, tt.want)
			}
		})
	}
}

var active = trace.NewSpanContext(trace.SpanContextConfig{
	TraceID: trace.TraceID{15: 3}, SpanID: trace.SpanID{7: 3}, TraceFlags: trace.FlagsSampled, Remote: true,
})

const activeIDs = "00000000000000000000000000000003 0000000000000003"

// TestLambdaInject: as Propagator does.
func TestLambdaInject(t *testing.T) {
	ctx := xray.LambdaPropagator{}.Extract(invocation(t.Context(), lambdaRoot+";Sampled=1;Lineage="+someLineage), propagation.MapCarrier{})
	out := propagation.MapCarrier{}
	xray.LambdaPropagator{}.Inject(ctx, out)
	if want := lambdaRoot + ";Sampled=1;Lineage=" + someLineage; out[name] != want {
		t.Errorf("injected %q, want %q", out[name], want)
	}
}
