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
	c.SpanLimits = r.options.SpanLimits
	if c.SpanLimits == nil {
		c.SpanLimits = r.spanLimits()
	}
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

// spanLimits reads the limits of the specification's "Attribute Limits" and "Span Limits", each the first of variable, preset and
// default.
func (r *resolver) spanLimits() *sdktrace.SpanLimits {
	l := sdktrace.SpanLimits{
		AttributeValueLengthLimit:   sdktrace.DefaultAttributeValueLengthLimit,
		AttributeValueDepthLimit:    sdktrace.DefaultAttributeValueDepthLimit,
		AttributeCountLimit:         sdktrace.DefaultAttributeCountLimit,
		EventCountLimit:             sdktrace.DefaultEventCountLimit,
		LinkCountLimit:              sdktrace.DefaultLinkCountLimit,
		AttributePerEventCountLimit: sdktrace.DefaultAttributePerEventCountLimit,
		AttributePerLinkCountLimit:  sdktrace.DefaultAttributePerLinkCountLimit,
	}
	if r.preset.SpanLimits != nil {
		l = *r.preset.SpanLimits
	}
	read := func(limit *int, keys ...string) { *limit = r.env.Int(0, otelenv.MaxInt, *limit, keys...) }
	read(&l.AttributeValueLengthLimit, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
	read(&l.AttributeCountLimit, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")
	read(&l.EventCountLimit, "OTEL_SPAN_EVENT_COUNT_LIMIT")
	read(&l.LinkCountLimit, "OTEL_SPAN_LINK_COUNT_LIMIT")
	read(&l.AttributePerEventCountLimit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")
	read(&l.AttributePerLinkCountLimit, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")
	return &l
}
