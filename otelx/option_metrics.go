package otelx

import (
	"fmt"
	"slices"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"

	"github.com/epilogue-go/epilogue/internal/emf"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// MetricsOption configures [WithMetrics].
type MetricsOption = config.MetricsOption

// WithMetrics switches metrics on: [SDK.MeterProvider] is the global meter provider. An [ExportOption] among opts is for metrics
// alone.
//
// No timer collects in a process that may be frozen. Metrics are collected at the end of the first invocation; at the end of a
// later one if [WithMetricInterval] has passed since the last collection, freezes included; at SIGTERM; before the process ends
// itself; and by [SDK.ForceFlush]. A service that does not freeze has an ordinary interval. Create instruments at start: while a
// callback of an observable instrument hangs, the SDK creates none. A collection takes at most half of the time of its flush.
//
// Data points wait in a queue of their own and leave with the spans. If an export fails, points that are cumulative are replaced
// by the next collection; deltas stay and go first. If nothing else sets it, the resource has service.instance.id: the log
// stream's name in Lambda, otherwise a random UUID. So each process has series of its own.
//
// The exporter emf, which awslambda.Defaults chooses in Lambda if no OTLP endpoint for metrics is set, writes lines of
// CloudWatch's embedded metric format to standard output after the response. They need no request. See [WithEMFNamespace],
// [WithEMFDimensions] and [WithEMFMaxSeries].
//
// Environment: OTEL_METRICS_EXPORTER, a list of otlp (default), emf or awsemf, console (standard output, lines of OTLP JSON) and
// none; OTEL_EXPORTER_OTLP_METRICS_*, otherwise OTEL_EXPORTER_OTLP_*; OTEL_METRIC_EXPORT_TIMEOUT, in milliseconds, default 30000
// ([WithExportTimeout]); and those of the options below. Without WithMetrics one of them is an error.
func WithMetrics(opts ...MetricsOption) Option { return config.WithMetrics(newMetrics, opts) }

// WithMetricInterval sets the time between two collections. Values below a millisecond are an error and change nothing.
//
// Environment: OTEL_METRIC_EXPORT_INTERVAL, in milliseconds, default 60000, for the exporter emf 1000.
func WithMetricInterval(d time.Duration) MetricsOption {
	if d < time.Millisecond {
		return config.InvalidMetrics(fmt.Errorf("WithMetricInterval(%s): give a duration of 1ms or more", d))
	}
	return config.SetMetrics(func(m *config.Metrics) { m.Interval = &d })
}

// WithCollectionAtEachInvocation makes the end of each invocation collect if on is true. A function of 100 ms then has a data point
// a series and invocation instead of one a series and minute.
//
// Environment: EPILOGUE_METRIC_COLLECTION, interval (default) or invocation.
func WithCollectionAtEachInvocation(on bool) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) { m.EachInvocation = &on })
}

// WithViews adds views (see sdkmetric.NewView).
func WithViews(views ...sdkmetric.View) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) { m.Parts = append(m.Parts, views) })
}

// WithProducers adds producers of metrics, such as that of contrib's runtime metrics. Each collection calls them after the
// callbacks. Nil ones are skipped.
func WithProducers(producers ...sdkmetric.Producer) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) { m.Parts = append(m.Parts, producers) })
}

// WithCardinalityLimit sets how many data points an instrument has in a collection; the rest go to one with the attribute
// otel.metric.overflow=true. A number below 1 is no limit. Default: 2000.
func WithCardinalityLimit(points int) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) { m.Cardinality = &points })
}

// WithExemplarFilter sets which measurements may become exemplars. A nil filter changes nothing.
//
// Environment: OTEL_METRICS_EXEMPLAR_FILTER, always_on, always_off or trace_based (default).
func WithExemplarFilter(filter exemplar.Filter) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) {
		if filter != nil {
			m.Parts, m.ExemplarFilter = append(m.Parts, filter), config.OwnFilter
		}
	})
}

// WithTemporality sets the temporality that OTLP prefers: "cumulative", "delta", or "lowmemory". Another value is an error and
// changes nothing. The counts of a process that lives for a short time are exact as deltas, if the backend accepts these. EMF has
// deltas in any case.
//
// Environment: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE, default cumulative.
func WithTemporality(preference string) MetricsOption {
	return choice("WithTemporality", preference, []string{config.Cumulative, config.Delta, config.LowMemory},
		func(m *config.Metrics) { m.Temporality = preference })
}

// WithHistogramAggregation sets the aggregation of histograms for OTLP: "explicit_bucket_histogram" or
// "base2_exponential_bucket_histogram". Another value is an error and changes nothing. EMF has exponential ones, except for
// instruments with boundaries of their own.
//
// Environment: OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION, default explicit_bucket_histogram.
func WithHistogramAggregation(name string) MetricsOption {
	return choice("WithHistogramAggregation", name, []string{config.ExplicitBuckets, config.ExponentialBuckets},
		func(m *config.Metrics) { m.Histograms = name })
}

func choice(option, value string, known []string, change func(*config.Metrics)) MetricsOption {
	if !slices.Contains(known, value) {
		return config.InvalidMetrics(fmt.Errorf("%s(%q): give %s", option, value, otelenv.Alternatives(known)))
	}
	return config.SetMetrics(change)
}

// WithEMFNamespace sets the namespace of CloudWatch for the exporter emf. One that CloudWatch does not accept, and one of AWS, is
// an error and changes nothing.
//
// Environment: EPILOGUE_EMF_NAMESPACE, default the service's name.
func WithEMFNamespace(namespace string) MetricsOption {
	if err := emf.CheckNamespace(namespace); err != nil {
		return config.InvalidMetrics(fmt.Errorf("WithEMFNamespace(%s): %w", otelenv.Quote(namespace), err))
	}
	return config.SetMetrics(func(m *config.Metrics) { m.Namespace = namespace })
}

// WithEMFDimensions selects the attributes that are dimensions for the exporter emf; none makes metrics without dimensions. Each
// combination of their values is a custom metric that AWS bills. Points that differ in other attributes only are merged.
//
// Environment: EPILOGUE_EMF_DIMENSIONS, a list of attributes or none, default all.
func WithEMFDimensions(attributes ...string) MetricsOption {
	attributes = append([]string{}, attributes...)
	return config.SetMetrics(func(m *config.Metrics) { m.Dimensions = &attributes })
}

// WithEMFFunctionMetrics makes the exporter emf write the function's own metrics (faas.invocations and the others of
// package handler), if on is true. Other exporters always send them. Lambda publishes invocations, errors and durations
// itself, free of charge, and AWS bills each metric of EMF.
//
// Environment: EPILOGUE_FAAS_METRICS, true or false, default false.
func WithEMFFunctionMetrics(on bool) MetricsOption {
	return config.SetMetrics(func(m *config.Metrics) { m.FaaS = &on })
}

// WithEMFMaxSeries sets how many combinations of metric and dimensions the exporter emf makes in this process. The rest go to one
// series of their metric with the dimension otel.metric.overflow=true. Values below 1 are an error and change nothing.
//
// Environment: EPILOGUE_EMF_MAX_SERIES, default 100.
func WithEMFMaxSeries(n int) MetricsOption {
	if n < 1 {
		return config.InvalidMetrics(atLeastOne("WithEMFMaxSeries", n, "series"))
	}
	return config.SetMetrics(func(m *config.Metrics) { m.MaxSeries = n })
}
