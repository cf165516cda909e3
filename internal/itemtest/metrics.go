package itemtest

import (
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// The functions below make points with every field set, of which one value is v.

func exemplars[N int64 | float64](v N) []metricdata.Exemplar[N] {
	return []metricdata.Exemplar[N]{
		{Value: v},
		{
			FilteredAttributes: []attribute.KeyValue{attribute.String("user", "u1"), attribute.Int("n", 2)},
			Time:               Time, Value: v, SpanID: []byte{0, 1, 2, 3, 4, 5, 6, 7}, TraceID: []byte(strings.Repeat("\xfe", 16)),
		},
	}
}

// Numbers returns a point of each value, and an empty one.
func Numbers[N int64 | float64](values ...N) (points []metricdata.DataPoint[N]) {
	for i, v := range values {
		points = append(points, metricdata.DataPoint[N]{
			Attributes: attribute.NewSet(attribute.Int("index", i), attribute.String("route", "/orders")),
			StartTime:  Time, Time: Time.Add(time.Minute), Value: v, Exemplars: exemplars(v),
		})
	}
	return append(points, metricdata.DataPoint[N]{})
}

func histograms[N int64 | float64](v N) []metricdata.HistogramDataPoint[N] {
	return []metricdata.HistogramDataPoint[N]{
		{
			Attributes: attribute.NewSet(attribute.StringSlice("list", []string{"a", ""})), StartTime: Time, Time: Time.Add(1),
			Count:  math.MaxUint64,
			Bounds: []float64{-1, 0, 2.5, math.Inf(1)}, BucketCounts: []uint64{0, 1, math.MaxUint64, 300, 4},
			Min: metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v), Sum: v, Exemplars: exemplars(v),
		},
		{Min: metricdata.NewExtrema[N](0), Count: 1},
		{Max: metricdata.NewExtrema[N](0), BucketCounts: make([]uint64, 300)},
		{},
	}
}

func exponentials[N int64 | float64](v N) []metricdata.ExponentialHistogramDataPoint[N] {
	return []metricdata.ExponentialHistogramDataPoint[N]{
		{
			Attributes: attribute.NewSet(attribute.Bool("retry", true)), StartTime: Time, Time: Time.Add(1),
			Count: 9, Min: metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v), Sum: v, Scale: math.MinInt32, ZeroCount: 3,
			PositiveBucket: metricdata.ExponentialBucket{Offset: math.MaxInt32, Counts: []uint64{0, 127, 128, math.MaxUint64}},
			NegativeBucket: metricdata.ExponentialBucket{Offset: -1, Counts: slices.Repeat([]uint64{1 << 40}, 160)},
			ZeroThreshold:  1e-9, Exemplars: exemplars(v),
		},
		{Scale: 20, ZeroThreshold: math.Copysign(0, -1)},
		{},
	}
}

// Kinds returns the data of every kind of metric.
func Kinds() map[string]metricdata.Aggregation {
	const delta, cumulative = metricdata.DeltaTemporality, metricdata.CumulativeTemporality
	ints := Numbers[int64](0, 1, -1, math.MaxInt64, math.MinInt64)
	floats := Numbers(0, math.Copysign(0, -1), 1.5, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64)
	intHistograms, floatHistograms := histograms[int64](math.MinInt64), histograms(-2.5)
	intExponentials, floatExponentials := exponentials[int64](7), exponentials(1e300)
	return map[string]metricdata.Aggregation{
		"no points":       metricdata.Gauge[int64]{},
		"gauge of ints":   metricdata.Gauge[int64]{DataPoints: ints},
		"gauge of floats": metricdata.Gauge[float64]{DataPoints: floats},

		"counter of ints":                 metricdata.Sum[int64]{DataPoints: ints, Temporality: cumulative, IsMonotonic: true},
		"delta counter of floats":         metricdata.Sum[float64]{DataPoints: floats, Temporality: delta, IsMonotonic: true},
		"up-down counter of ints":         metricdata.Sum[int64]{DataPoints: ints, Temporality: cumulative},
		"delta up-down counter of floats": metricdata.Sum[float64]{DataPoints: floats, Temporality: delta},

		"histogram of ints":         metricdata.Histogram[int64]{DataPoints: intHistograms, Temporality: cumulative},
		"delta histogram of floats": metricdata.Histogram[float64]{DataPoints: floatHistograms, Temporality: delta},

		"delta exponential histogram of ints": metricdata.ExponentialHistogram[int64]{
			DataPoints: intExponentials, Temporality: delta,
		},
		"exponential histogram of floats": metricdata.ExponentialHistogram[float64]{
			DataPoints: floatExponentials, Temporality: cumulative,
		},

		"summary": metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{
			{
				Attributes: attribute.NewSet(attribute.Int("a", 1)), StartTime: Time, Time: Time.Add(1), Count: 7, Sum: 1.5,
				QuantileValues: []metricdata.QuantileValue{{Quantile: 0, Value: 1}, {Quantile: 1, Value: math.Inf(1)}, {}},
			}, {},
		}},
	}
}

// Collection returns a collection of a metric for each of data, in two scopes in turn.
func Collection(data ...metricdata.Aggregation) *metricdata.ResourceMetrics {
	scopes := []metricdata.ScopeMetrics{{Scope: Scope}, {Scope: instrumentation.Scope{Name: "example.com/b"}}}
	for i, d := range data {
		to := &scopes[i%2]
		to.Metrics = append(to.Metrics, metricdata.Metrics{
			Name: "metric." + strings.Repeat("x", i), Description: strings.Repeat("größe ", 30), Unit: "By", Data: d,
		})
	}
	return &metricdata.ResourceMetrics{Resource: Resource, ScopeMetrics: scopes}
}

// Measured returns a collection of ten metrics with n points each, as a service has them: counters, gauges and
// histograms with four attributes and an exemplar.
func Measured(n int) *metricdata.ResourceMetrics {
	const cumulative = metricdata.CumulativeTemporality
	sets := make([]attribute.Set, n)
	for i := range sets {
		sets[i] = attribute.NewSet(
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/prices/{sku}"),
			attribute.Int("http.response.status_code", 200), attribute.Int("shard", i))
	}
	exemplar := []metricdata.Exemplar[float64]{{Time: Time, Value: 0.018, SpanID: make([]byte, 8), TraceID: make([]byte, 16)}}
	bounds := []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	var counts []metricdata.DataPoint[int64]
	var durations []metricdata.HistogramDataPoint[float64]
	var sizes []metricdata.ExponentialHistogramDataPoint[float64]
	for i, set := range sets {
		counts = append(counts, metricdata.DataPoint[int64]{
			Attributes: set, StartTime: Time, Time: Time.Add(time.Minute), Value: int64(i),
		})
		durations = append(durations, metricdata.HistogramDataPoint[float64]{
			Attributes: set, StartTime: Time, Time: Time.Add(time.Minute), Count: 120, Sum: 2.5, Bounds: bounds,
			BucketCounts: []uint64{0, 7, 60, 40, 5, 5, 2, 1, 0, 0, 0, 0, 0, 0, 0}, Exemplars: exemplar,
			Min: metricdata.NewExtrema(0.007), Max: metricdata.NewExtrema(0.4),
		})
		sizes = append(sizes, metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: set, StartTime: Time, Time: Time.Add(time.Minute), Count: 120, Sum: 80_000, Scale: 5,
			PositiveBucket: metricdata.ExponentialBucket{Offset: 300, Counts: slices.Repeat([]uint64{1, 0, 5}, 27)},
			Exemplars:      exemplar,
			Min:            metricdata.NewExtrema(100.0), Max: metricdata.NewExtrema(2000.0),
		})
	}
	data := slices.Repeat([]metricdata.Aggregation{
		metricdata.Sum[int64]{DataPoints: counts, Temporality: cumulative, IsMonotonic: true},
		metricdata.Gauge[int64]{DataPoints: counts},
		metricdata.Sum[int64]{DataPoints: counts, Temporality: cumulative},
		metricdata.Histogram[float64]{DataPoints: durations, Temporality: cumulative},
		metricdata.ExponentialHistogram[float64]{DataPoints: sizes, Temporality: cumulative},
	}, 2)
	return Collection(data...)
}
