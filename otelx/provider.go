package otelx

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const (
	samplerKey     = "OTEL_TRACES_SAMPLER"
	samplerArgKey  = "OTEL_TRACES_SAMPLER_ARG"
	propagatorsKey = "OTEL_PROPAGATORS"
)

var samplers = []string{
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	"always_on", "always_off", "traceidratio",
}

// readSampler reads OTEL_TRACES_SAMPLER and its argument.
func readSampler(env *otelenv.Reader, fallback sdktrace.Sampler) sdktrace.Sampler {
	name := env.Choice(samplers, "", samplerKey)
	if name == "" && fallback != nil {
		return fallback
	}
	kind, parentBased := strings.CutPrefix(name, "parentbased_")
	var s sdktrace.Sampler
	switch kind {
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(env.Ratio(1, samplerArgKey))
	default:
		s = sdktrace.AlwaysSample()
	}
	if parentBased || name == "" {
		return sdktrace.ParentBased(s)
	}
	return s
}

// readSpanLimits reads the limits of the specification's "Attribute Limits" and "Span Limits".
func readSpanLimits(env *otelenv.Reader) sdktrace.SpanLimits {
	limit := func(fallback int, keys ...string) int { return env.Int(0, otelenv.MaxInt, fallback, keys...) }
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit: limit(sdktrace.DefaultAttributeValueLengthLimit,
			"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
		AttributeValueDepthLimit: sdktrace.DefaultAttributeValueDepthLimit,
		AttributeCountLimit: limit(sdktrace.DefaultAttributeCountLimit,
			"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		EventCountLimit: limit(sdktrace.DefaultEventCountLimit, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
		LinkCountLimit:  limit(sdktrace.DefaultLinkCountLimit, "OTEL_SPAN_LINK_COUNT_LIMIT"),
		AttributePerEventCountLimit: limit(sdktrace.DefaultAttributePerEventCountLimit,
			"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
		AttributePerLinkCountLimit: limit(sdktrace.DefaultAttributePerLinkCountLimit,
			"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
	}
}

// resolvePropagator returns the first of: option, OTEL_PROPAGATORS, fallback, default.
func (c *config) resolvePropagator(env *otelenv.Reader) propagation.TextMapPropagator {
	if c.chosen.propagator != nil {
		return c.chosen.propagator
	}
	if _, value := env.Lookup(propagatorsKey); value != "" {
		if p, known := c.propagatorsNamed(env, value); known {
			return p
		}
	}
	if c.fallback.propagator != nil {
		return c.fallback.propagator
	}
	p, _ := c.propagatorsNamed(env, "tracecontext,baggage")
	return p
}

// propagatorsNamed joins the propagators in value, each once. known is false if value has no known name.
func (c *config) propagatorsNamed(env *otelenv.Reader, value string) (p propagation.TextMapPropagator, known bool) {
	names := []string{"none", "tracecontext", "baggage", "b3", "b3multi"}
	byName := map[string]propagation.TextMapPropagator{
		"none": nil, "tracecontext": propagation.TraceContext{}, "baggage": propagation.Baggage{},
		// Both read either form; they write different headers (OpenTelemetry specification, "Propagators API", B3).
		"b3":      b3.New(b3.WithInjectEncoding(b3.B3SingleHeader)),
		"b3multi": b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)),
	}
	for _, n := range c.propagators {
		name := strings.ToLower(n.name)
		if _, again := byName[name]; !again {
			names = append(names, n.name)
		}
		byName[name] = n.p
	}
	var picked []propagation.TextMapPropagator
	seen := map[string]bool{}
	for _, given := range otelenv.List(value) {
		name := strings.ToLower(given)
		p, ok := byName[name]
		switch {
		case !ok:
			env.Reject(propagatorsKey, value, fmt.Sprintf("%s is unknown (write %s, separated by commas)",
				otelenv.Quote(given), otelenv.Alternatives(names)))
		case p != nil && !seen[name]:
			picked = append(picked, p)
		}
		known = known || ok
		seen[name] = true
	}
	return propagation.NewCompositeTextMapPropagator(picked...), known
}
