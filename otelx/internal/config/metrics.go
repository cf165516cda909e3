package config

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/internal/emf"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
)

const (
	metricsExporterKey = "OTEL_METRICS_EXPORTER"
	intervalKey        = "OTEL_METRIC_EXPORT_INTERVAL"
	collectionKey      = "EPILOGUE_METRIC_COLLECTION"
	exemplarFilterKey  = "OTEL_METRICS_EXEMPLAR_FILTER"
	namespaceKey       = "EPILOGUE_EMF_NAMESPACE"
	dimensionsKey      = "EPILOGUE_EMF_DIMENSIONS"
	maxSeriesKey       = "EPILOGUE_EMF_MAX_SERIES"
	faasMetricsKey     = "EPILOGUE_FAAS_METRICS"

	temporalityName = "TEMPORALITY_PREFERENCE"
	histogramName   = "DEFAULT_HISTOGRAM_AGGREGATION"

	// DefaultInterval is that of the specification, "Periodic exporting MetricReader".
	DefaultInterval = time.Minute
	// DefaultEMFInterval is short, because a line costs no request.
	DefaultEMFInterval = time.Second
	defaultMaxSeries   = 100
)

// The values of the temporality preference.
const (
	Cumulative = "cumulative"
	Delta      = "delta"
	LowMemory  = "lowmemory"
)

// The values of the exemplar filter.
const (
	AlwaysOn   = "always_on"
	AlwaysOff  = "always_off"
	TraceBased = "trace_based"
	OwnFilter  = "own" // one of Parts
)

// The values of the default histogram aggregation.
const (
	ExplicitBuckets    = "explicit_bucket_histogram"
	ExponentialBuckets = "base2_exponential_bucket_histogram"
)

// Metrics are the settings of metrics.
type Metrics struct {
	Export

	// On builds the meter provider and its export pipeline. It is nil if metrics are off. It is a function so that the linker
	// omits metrics from programs without WithMetrics.
	On func(b *pipeline.Builder, c *Config, flusher Flusher) (*pipeline.Signal, metric.MeterProvider)

	Exporters      []string       // OTLP, Console, EMF
	Interval       *time.Duration // between collections; nil: the default of each exporter
	EachInvocation *bool          // each flush collects
	Parts          []any          // of the SDK; their types would add 8 KB to programs without metrics
	Cardinality    *int           // points of an instrument; below 1: no limit
	ExemplarFilter string         // always_on, always_off, trace_based, or one of Parts
	Temporality    string         // for OTLP
	Histograms     string         // for OTLP

	Namespace  string    // of EMF; empty: the service's name
	Dimensions *[]string // of EMF; nil: all attributes; an empty list: none
	MaxSeries  int       // of EMF
	FaaS       *bool     // the function's own metrics are written as EMF
	LogJSON    bool      // AWS_LAMBDA_LOG_FORMAT is JSON
	LogLevel   string    // AWS_LAMBDA_LOG_LEVEL
}

// WithMetrics switches metrics on, which on builds.
func WithMetrics(on func(*pipeline.Builder, *Config, Flusher) (*pipeline.Signal, metric.MeterProvider), opts []MetricsOption) Option {
	return option(func(b *builder) {
		b.target.Metrics.On = on
		b.resolveMetrics = (*resolver).metrics
		ForMetrics(opts...).apply(b)
	})
}

// ForMetrics configures metrics if they are on.
func ForMetrics(opts ...MetricsOption) Option {
	return option(func(b *builder) {
		for _, o := range opts {
			if o != nil {
				o.applyMetrics(b)
			}
		}
	})
}

type metricsOption func(*builder, *Metrics)

func (o metricsOption) applyMetrics(b *builder) { o(b, &b.target.Metrics) }

// SetMetrics returns an option that changes the settings of metrics.
func SetMetrics(change func(*Metrics)) MetricsOption {
	return metricsOption(func(_ *builder, m *Metrics) { change(m) })
}

// InvalidMetrics adds err to the errors of New, as [Invalid] does.
func InvalidMetrics(err error) MetricsOption {
	return metricsOption(func(b *builder, _ *Metrics) { b.errs = append(b.errs, err) })
}

// points are the settings of metrics. The bytes of their queue bound it; the specification has no variables for its items.
var points = kind{
	signal: otelenv.Metrics, items: "data points",
	timeoutKey: "OTEL_METRIC_EXPORT_TIMEOUT", queue: otelenv.MaxInt, batch: 10_000, timeout: 30 * time.Second,
}

// metrics resolves where data points go, and when and how they are collected.
func (r *resolver) metrics(c *Config) {
	m, option, preset := &c.Metrics, &r.options.Metrics, &r.preset.Metrics
	x := r.exportOf(points)
	names := exporterNames{
		key: metricsExporterKey, known: []string{OTLP, EMF, Console, none}, aliases: map[string]string{"awsemf": EMF},
		remarks: map[string]string{"prometheus": "not possible: a process that is frozen or exits cannot be scraped"},
	}
	m.Exporters = x.resolve(&m.Export, func(given bool) []string {
		return x.exporters(names, option.Exporters, preset.Exporters, given)
	})
	m.Interval = choose(option.Interval, r.interval, preset.Interval, nil)
	m.EachInvocation = choose(option.EachInvocation, r.eachInvocation, preset.EachInvocation, new(false))
	m.Parts = slices.Concat(preset.Parts, option.Parts)
	m.Cardinality = first(option.Cardinality, preset.Cardinality)
	filter := func() string {
		return r.env.Choice([]string{AlwaysOn, AlwaysOff, TraceBased}, "", exemplarFilterKey)
	}
	m.ExemplarFilter = choose(option.ExemplarFilter, filter, preset.ExemplarFilter, TraceBased)
	temporality := func() string {
		return r.env.Choice([]string{Cumulative, Delta, LowMemory}, "", otelenv.Metrics.Keys(temporalityName)[0])
	}
	m.Temporality = choose(option.Temporality, temporality, preset.Temporality, Cumulative)
	histograms := func() string {
		return r.env.Choice([]string{ExplicitBuckets, ExponentialBuckets}, "", otelenv.Metrics.Keys(histogramName)[0])
	}
	m.Histograms = choose(option.Histograms, histograms, preset.Histograms, ExplicitBuckets)
	r.emf(m)
	c.Resource = withInstance(c.Resource)
}

// interval reads OTEL_METRIC_EXPORT_INTERVAL.
func (r *resolver) interval() *time.Duration {
	const unset = -1
	switch d := r.env.Millis(unset, intervalKey); d {
	case unset:
		return nil
	case 0:
		r.env.Reject(intervalKey, "0", "too short (write a number of milliseconds, 1 or more)")
		return nil
	default:
		return &d
	}
}

// eachInvocation reads EPILOGUE_METRIC_COLLECTION.
func (r *resolver) eachInvocation() *bool {
	if value := r.env.Choice([]string{"interval", "invocation"}, "", collectionKey); value != "" {
		return new(value == "invocation")
	}
	return nil
}

// faasMetrics reads EPILOGUE_FAAS_METRICS.
func (r *resolver) faasMetrics() *bool {
	if value := r.env.Choice([]string{"true", "false"}, "", faasMetricsKey); value != "" {
		return new(value == "true")
	}
	return nil
}

// emf resolves the form of EMF lines.
func (r *resolver) emf(m *Metrics) {
	option, preset := &r.options.Metrics, &r.preset.Metrics
	namespace := func() string {
		_, value := r.env.Lookup(namespaceKey)
		if value == "" {
			return ""
		}
		if err := emf.CheckNamespace(value); err != nil {
			r.env.Reject(namespaceKey, value, err.Error())
			return ""
		}
		return value
	}
	dimensions := func() *[]string {
		key, value := r.env.Lookup(dimensionsKey)
		list := append([]string{}, otelenv.List(value)...) // not nil, which is all attributes
		switch {
		case key == "":
			return nil
		case slices.Equal(list, []string{none}):
			return new([]string{})
		}
		return &list
	}
	m.Namespace = choose(option.Namespace, namespace, preset.Namespace, "")
	m.Dimensions = choose(option.Dimensions, dimensions, preset.Dimensions, nil)
	m.MaxSeries = choose(option.MaxSeries, r.number(maxSeriesKey, 1, otelenv.MaxInt), preset.MaxSeries, defaultMaxSeries)
	m.FaaS = choose(option.FaaS, r.faasMetrics, preset.FaaS, new(false))
	_, format := r.env.Lookup("AWS_LAMBDA_LOG_FORMAT")
	_, m.LogLevel = r.env.Lookup("AWS_LAMBDA_LOG_LEVEL")
	m.LogJSON = strings.EqualFold(format, "JSON")
}

// withInstance returns a resource with service.instance.id: its own, otherwise faas.instance, otherwise a random UUID. Without
// it the metrics of two processes would be one series.
func withInstance(r *resource.Resource) *resource.Resource {
	if r.Set().HasValue(semconv.ServiceInstanceIDKey) {
		return r
	}
	id, found := r.Set().Value(semconv.FaaSInstanceKey)
	if !found {
		return MergeResources(r, resource.NewSchemaless(semconv.ServiceInstanceID(processID())))
	}
	return MergeResources(r, resource.NewSchemaless(semconv.ServiceInstanceID(id.AsString())))
}

// processID returns a random UUID, the same in each call (RFC 9562, version 4).
var processID = sync.OnceValue(func() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
})
