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

// sampler returns the first of: option, OTEL_TRACES_SAMPLER with its argument, preset, default.
func (r *resolver) sampler() sdktrace.Sampler {
	if r.options.Sampler != nil {
		return r.options.Sampler
	}
	name := r.env.Choice(samplers, "", samplerKey)
	if name == "" && r.preset.Sampler != nil {
		return r.preset.Sampler
	}
	kind, parentBased := strings.CutPrefix(name, "parentbased_")
	var s sdktrace.Sampler
	switch kind {
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(r.env.Ratio(1, samplerArgKey))
	default:
		s = sdktrace.AlwaysSample()
	}
	if parentBased || name == "" {
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
		EventCountLimit: limit(sdktrace.DefaultEventCountLimit, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
		LinkCountLimit:  limit(sdktrace.DefaultLinkCountLimit, "OTEL_SPAN_LINK_COUNT_LIMIT"),
		AttributePerEventCountLimit: limit(sdktrace.DefaultAttributePerEventCountLimit,
			"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
		AttributePerLinkCountLimit: limit(sdktrace.DefaultAttributePerLinkCountLimit,
			"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
	}
}
