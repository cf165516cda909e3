package config

import (
	"os"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

const (
	exporterKey   = "OTEL_TRACES_EXPORTER"
	samplerKey    = "OTEL_TRACES_SAMPLER"
	samplerArgKey = "OTEL_TRACES_SAMPLER_ARG"
)

var samplers = []string{
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	"always_on", "always_off", "traceidratio",
}

// spans are the settings of traces; delay and timeout are those of the specification, "Batch Span Processor".
var spans = kind{
	signal: otelenv.Traces, items: "spans",
	queueKey: "OTEL_BSP_MAX_QUEUE_SIZE", batchKey: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	delayKey: "OTEL_BSP_SCHEDULE_DELAY", timeoutKey: "OTEL_BSP_EXPORT_TIMEOUT",
	queue: sdktrace.DefaultMaxQueueSize, batch: sdktrace.DefaultMaxExportBatchSize,
	delay: 5 * time.Second, timeout: 30 * time.Second,
}

// Exports reports whether there is a destination.
func (t *Traces) Exports() bool { return t.Exporter != nil || t.Sender != nil || t.Endpoint != nil }

// traces resolves what spans are made of and where they go.
func (r *resolver) traces(c *Traces) {
	x := r.exportOf(spans)
	r.traceDestination(x, c)
	if c.Exports() {
		x.queueing(&c.Export, c.Exporter != nil)
		if c.NewRecorder = r.options.Traces.NewRecorder; c.NewRecorder == nil {
			c.NewRecorder = r.preset.Traces.NewRecorder
		}
	}
	option, preset := &r.options.Traces, &r.preset.Traces
	c.Sampler = choose(option.Sampler, r.sampler, preset.Sampler, sdktrace.ParentBased(sdktrace.AlwaysSample()))
	c.SpanLimits = option.SpanLimits
	if c.SpanLimits == nil {
		c.SpanLimits = r.spanLimits()
	}
	if c.IDGenerator = option.IDGenerator; c.IDGenerator == nil {
		c.IDGenerator = preset.IDGenerator
	}
}

// traceDestination finds out where spans go: the first of an option, OTEL_TRACES_EXPORTER, the preset's exporter, and OTLP.
func (r *resolver) traceDestination(x *exportResolver, c *Traces) {
	if c.Exporter, c.Sender = r.options.Traces.Exporter, x.option.Sender; c.Exports() {
		return
	}
	switch r.env.Choice([]string{"otlp", "console", "none"}, "", exporterKey) {
	case "none":
		return
	case "console":
		c.Exporter = traces.NewConsole(os.Stdout)
		return
	case "":
		if c.Exporter = r.preset.Traces.Exporter; c.Exporter != nil {
			return
		}
	}
	errs := r.env.Mark()
	given := r.env.Endpoint(otelenv.Traces, endpointOption, x.option.URL)
	x.destination(&c.Export, given, errs)
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
	if r.preset.Traces.SpanLimits != nil {
		l = *r.preset.Traces.SpanLimits
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
