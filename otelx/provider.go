package otelx

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
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

// sampler reads OTEL_TRACES_SAMPLER and its argument.
func (e *environment) sampler(fallback sdktrace.Sampler) sdktrace.Sampler {
	name := e.choice(samplers, "", samplerKey)
	if name == "" && fallback != nil {
		return fallback
	}
	kind, parentBased := strings.CutPrefix(name, "parentbased_")
	var s sdktrace.Sampler
	switch kind {
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(e.ratio())
	default:
		s = sdktrace.AlwaysSample()
	}
	if parentBased || name == "" {
		return sdktrace.ParentBased(s)
	}
	return s
}

func (e *environment) ratio() float64 {
	key, value := e.lookup(samplerArgKey)
	if key == "" {
		return 1
	}
	ratio, err := strconv.ParseFloat(value, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) { // NaN is neither
		e.reject(key, value, "write a number from 0 to 1, such as 0.25; 1 is used")
		return 1
	}
	return ratio
}

// spanLimits reads the limits of the specification's "Attribute Limits" and "Span Limits".
func (e *environment) spanLimits() sdktrace.SpanLimits {
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit: e.integer(0, sdktrace.DefaultAttributeValueLengthLimit,
			"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
		AttributeValueDepthLimit: sdktrace.DefaultAttributeValueDepthLimit,
		AttributeCountLimit: e.integer(0, sdktrace.DefaultAttributeCountLimit,
			"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		EventCountLimit: e.integer(0, sdktrace.DefaultEventCountLimit, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
		LinkCountLimit:  e.integer(0, sdktrace.DefaultLinkCountLimit, "OTEL_SPAN_LINK_COUNT_LIMIT"),
		AttributePerEventCountLimit: e.integer(0, sdktrace.DefaultAttributePerEventCountLimit,
			"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
		AttributePerLinkCountLimit: e.integer(0, sdktrace.DefaultAttributePerLinkCountLimit,
			"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
	}
}

// resolvePropagator returns the first of: option, what OTEL_PROPAGATORS lists, fallback, default.
func (c *config) resolvePropagator(env *environment) propagation.TextMapPropagator {
	if c.chosen.propagator != nil {
		return c.chosen.propagator
	}
	if _, value := env.lookup(propagatorsKey); value != "" {
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

// propagatorsNamed joins those that value lists, each once. known is false if it names none that is known.
func (c *config) propagatorsNamed(env *environment, value string) (p propagation.TextMapPropagator, known bool) {
	names := []string{"none", "tracecontext", "baggage", "b3", "b3multi"}
	byName := map[string]propagation.TextMapPropagator{
		"none": nil, "tracecontext": propagation.TraceContext{}, "baggage": propagation.Baggage{},
		// Both read either form; they differ in what they write (OpenTelemetry specification, "Propagators API", B3).
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
	for _, given := range list(value) {
		name := strings.ToLower(given)
		p, ok := byName[name]
		switch {
		case !ok:
			env.reject(propagatorsKey, value, "%s is not known; write %s, separated by commas. What is known counts",
				quote(given), alternatives(names))
		case p != nil && !seen[name]:
			picked = append(picked, p)
		}
		known = known || ok
		seen[name] = true
	}
	return propagation.NewCompositeTextMapPropagator(picked...), known
}
