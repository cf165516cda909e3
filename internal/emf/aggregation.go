package emf

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Temporality is the temporality that a reader must have: counters and histograms are deltas, up-down counters and
// gauges are values.
func Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DeltaTemporalitySelector(kind)
}

// Aggregations chooses the aggregation of histograms: those without boundaries of their own are exponential, with at
// most 100 buckets. A view may choose another.
//
// The SDK ignores an instrument's boundaries if its reader prefers exponential histograms, and does not tell the reader
// about them. So histograms must be created through [Aggregations.MeterProvider]. The zero value is ready.
type Aggregations struct {
	creating      sync.Mutex // held while a histogram is created, during which the SDK calls Select
	hasBoundaries atomic.Bool
}

// maxBuckets is how many buckets an exponential histogram has: they fit in one line.
const maxBuckets = maxValues

// Select is the AggregationSelector of a reader.
func (a *Aggregations) Select(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	if kind != sdkmetric.InstrumentKindHistogram || a.hasBoundaries.Load() {
		return sdkmetric.DefaultAggregationSelector(kind) // the SDK replaces its boundaries
	}
	const finest = 20 // scale; the SDK lowers it as needed
	return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: maxBuckets, MaxScale: finest}
}

// MeterProvider returns mp for a program. mp has a reader with Select.
func (a *Aggregations) MeterProvider(mp metric.MeterProvider) metric.MeterProvider {
	return provider{mp, a}
}

type provider struct {
	metric.MeterProvider
	aggregations *Aggregations
}

func (p provider) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	return meter{p.MeterProvider.Meter(name, opts...), p.aggregations}
}

type meter struct {
	metric.Meter
	aggregations *Aggregations
}

func (m meter) Int64Histogram(name string, opts ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	config := metric.NewInt64HistogramConfig(opts...)
	defer m.aggregations.create(config.ExplicitBucketBoundaries())()
	return m.Meter.Int64Histogram(name, opts...)
}

func (m meter) Float64Histogram(name string, opts ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	config := metric.NewFloat64HistogramConfig(opts...)
	defer m.aggregations.create(config.ExplicitBucketBoundaries())()
	return m.Meter.Float64Histogram(name, opts...)
}

// create prepares Select for a histogram with the boundaries. The result must be called when it is created.
func (a *Aggregations) create(boundaries []float64) (created func()) {
	a.creating.Lock()
	a.hasBoundaries.Store(len(boundaries) > 0)
	return func() {
		a.hasBoundaries.Store(false)
		a.creating.Unlock()
	}
}
