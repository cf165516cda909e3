package otelx_test

import (
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

func TestSampler(t *testing.T) {
	sampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
	unsampled := sampled.WithTraceFlags(0)
	for _, c := range []struct {
		env                              []string
		root, sampledChild, unsampledOne bool
	}{
		{nil, true, true, false},
		{[]string{"OTEL_TRACES_SAMPLER=always_on"}, true, true, true},
		{[]string{"OTEL_TRACES_SAMPLER=ALWAYS_OFF"}, false, false, false},
		{[]string{"OTEL_TRACES_SAMPLER=parentbased_always_off"}, false, true, false},
		{[]string{"OTEL_TRACES_SAMPLER=traceidratio"}, true, true, true},
		{[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, false, false, false},
		{[]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, false, true, false},
	} {
		s, err := newSDK(t, environ(c.env...))
		if err != nil {
			t.Error(err)
		}
		is := func(parent trace.SpanContext) bool {
			_, sp := s.TracerProvider().Tracer("test").Start(trace.ContextWithSpanContext(t.Context(), parent), "a")
			return sp.SpanContext().IsSampled()
		}
		if is(trace.SpanContext{}) != c.root || is(sampled) != c.sampledChild || is(unsampled) != c.unsampledOne {
			t.Errorf("%q: sampled root %v, below sampled %v, below unsampled %v", c.env, is(trace.SpanContext{}), is(sampled), is(unsampled))
		}
	}
	s, _ := newSDK(t, otelx.WithSampler(sdktrace.NeverSample()), environ("OTEL_TRACES_SAMPLER=always_on"))
	if _, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a"); sp.SpanContext().IsSampled() {
		t.Error("the environment beat the option")
	}
	s, _ = newSDK(t, otelx.Fallback(otelx.WithSampler(sdktrace.NeverSample())), environ("OTEL_TRACES_SAMPLER=always_on"))
	if _, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a"); !sp.SpanContext().IsSampled() {
		t.Error("the fallback beat the environment")
	}
}

// An unknown value counts as unset, so that a fallback comes before the default.
func TestUnknownValuesLeaveFallbacks(t *testing.T) {
	x := tracetest.NewInMemoryExporter()
	s, err := newSDK(t, environ("OTEL_TRACES_SAMPLER=xray", "OTEL_TRACES_EXPORTER=zipkin"), otelx.Fallback(
		otelx.WithSampler(sdktrace.TraceIDRatioBased(1)), otelx.WithExporter(x)))
	if err == nil {
		t.Error("no error")
	}
	span(s, "a")
	if err := s.ForceFlush(t.Context()); err != nil || len(x.GetSpans()) != 1 {
		t.Errorf("%d spans at the fallback, error %v", len(x.GetSpans()), err)
	}
	unsampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	_, sp := s.TracerProvider().Tracer("test").Start(trace.ContextWithSpanContext(t.Context(), unsampled), "a")
	if !sp.SpanContext().IsSampled() {
		t.Error("the default sampler came before the fallback")
	}
}

func TestSamplerRatioOutOfRange(t *testing.T) {
	for _, arg := range []string{"2", "-0.1", "NaN", "half"} {
		s, err := newSDK(t, environ("OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG="+arg))
		if err == nil || !strings.Contains(err.Error(), `OTEL_TRACES_SAMPLER_ARG="`+arg+`": not a number from 0 to 1 (for example 0.25)`) {
			t.Errorf("%s: error %v", arg, err)
		}
		if _, sp := s.TracerProvider().Tracer("test").Start(t.Context(), "a"); !sp.SpanContext().IsSampled() {
			t.Errorf("%s: not everything is sampled", arg)
		}
	}
}
