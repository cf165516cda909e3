package config

import (
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const (
	samplerKey    = "OTEL_TRACES_SAMPLER"
	samplerArgKey = "OTEL_TRACES_SAMPLER_ARG"
)

var samplers = []string{
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	"always_on", "always_off", "traceidratio",
}

// tracing resolves what spans are made of.
func (r *resolver) tracing(c *Config) {
	c.Resource = r.resource()
	c.Sampler = choose(r.options.Sampler, r.sampler, r.preset.Sampler, sdktrace.ParentBased(sdktrace.AlwaysSample()))
	c.SpanLimits = r.spanLimits()
	if c.IDGenerator = r.options.IDGenerator; c.IDGenerator == nil {
		c.IDGenerator = r.preset.IDGenerator
	}
}

// sampler reads OTEL_TRACES_SAMPLER with its argument. It is nil if the variable is unset or bad.
func (r *resolver) sampler() (s sdktrace.Sampler) {
	name := r.env.Choice(samplers, "", samplerKey)
	kind, parentBased := strings.CutPrefix(name, "parentbased_")
	switch kind {
	case "":
		return nil
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(r.env.Ratio(1, samplerArgKey))
	default:
		s = sdktrace.AlwaysSample()
	}
	if parentBased {
		return sdktrace.ParentBased(s)
	}
	return s
}

// spanLimits reads the limits of the specification's "Attribute Limits" and "Span Limits".
func (r *resolver) spanLimits() sdktrace.SpanLimits {
	limit := func(fallback int, keys ...string) int { return r.env.Int(0, otelenv.MaxInt, fallback, keys...) }
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit: limit(sdktrace.DefaultAttributeValueLengthLimit,
			"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
		AttributeValueDepthLimit: sdktrace.DefaultAttributeValueDepthLimit,
		AttributeCountLimit: limit(sdktrace.DefaultAttributeCountLimit,
			"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
		EventCountLimit:             limit(sdktrace.DefaultEventCountLimit, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
		LinkCountLimit:              limit(sdktrace.DefaultLinkCountLimit, "OTEL_SPAN_LINK_COUNT_LIMIT"),
		AttributePerEventCountLimit: limit(sdktrace.DefaultAttributePerEventCountLimit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
		AttributePerLinkCountLimit:  limit(sdktrace.DefaultAttributePerLinkCountLimit, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
	}
}
