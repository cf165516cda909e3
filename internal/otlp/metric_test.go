package otlp

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// wantPoint is what the oracle knows of a point: its message, and that of its metric, which points of one collection
// share.
type wantPoint struct {
	resource *resource.Resource
	scope    instrumentation.Scope
	metric   *metricspb.Metric // without points
	point    proto.Message
}

// collect encodes the points of collections, and returns a signal whose oracle knows them.
func collect(tb testing.TB, collections ...*metricdata.ResourceMetrics) (*signal[Point], []Point) {
	tb.Helper()
	var points []Point
	var wants []wantPoint
	for _, rm := range collections {
		some, err := EncodePoints(rm)
		if err != nil {
			tb.Fatal(err)
		}
		points, wants = append(points, some...), append(wants, wantPoints(rm)...)
	}
	if len(points) != len(wants) {
		tb.Fatalf("%d points, want %d", len(points), len(wants))
	}
	known := make(map[Point]wantPoint)
	for i, p := range points {
		known[p] = wants[i]
	}
	var last *metricspb.Metric      // of the point before
	var metric protoreflect.Message // in the request
	return &signal[Point]{
		encoder: func() encoder[Point] { return new(MetricEncoder) },
		lines:   NewMetricLineEncoder,
		data:    func() proto.Message { last = nil; return new(metricspb.MetricsData) },
		add: func(request protoreflect.Message, p Point) {
			want := known[p]
			if want.metric != last {
				last, metric = want.metric, proto.Clone(want.metric).ProtoReflect()
				wantScope(request, want.resource, want.scope).Append(protoreflect.ValueOfMessage(metric))
			}
			data := metric.Get(metric.WhichOneof(metric.Descriptor().Oneofs().ByName("data"))).Message()
			data.Mutable(field(data, 1)).List().Append(protoreflect.ValueOfMessage(want.point.ProtoReflect()))
		},
	}, points
}

func wantPoints(rm *metricdata.ResourceMetrics) (wants []wantPoint) {
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			metric, points := wantMetric(m)
			for _, point := range points {
				wants = append(wants, wantPoint{rm.Resource, sm.Scope, metric, point})
			}
		}
	}
	return wants
}

func wantMetric(m metricdata.Metrics) (*metricspb.Metric, []proto.Message) {
	metric := &metricspb.Metric{Name: utf8Text(m.Name), Description: utf8Text(m.Description), Unit: utf8Text(m.Unit)}
	gauge := &metricspb.Metric_Gauge{Gauge: new(metricspb.Gauge)}
	histogram := func(t metricdata.Temporality) *metricspb.Metric_Histogram {
		return &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: wantTemporalities[t]}}
	}
	exponential := func(t metricdata.Temporality) *metricspb.Metric_ExponentialHistogram {
		data := &metricspb.ExponentialHistogram{AggregationTemporality: wantTemporalities[t]}
		return &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: data}
	}
	sum := func(t metricdata.Temporality, monotonic bool) *metricspb.Metric_Sum {
		data := &metricspb.Sum{AggregationTemporality: wantTemporalities[t], IsMonotonic: monotonic}
		return &metricspb.Metric_Sum{Sum: data}
	}
	var points []proto.Message
	switch data := m.Data.(type) {
	case metricdata.Gauge[int64]:
		metric.Data, points = gauge, wantEach(data.DataPoints, wantNumber)
	case metricdata.Gauge[float64]:
		metric.Data, points = gauge, wantEach(data.DataPoints, wantNumber)
	case metricdata.Sum[int64]:
		metric.Data, points = sum(data.Temporality, data.IsMonotonic), wantEach(data.DataPoints, wantNumber)
	case metricdata.Sum[float64]:
		metric.Data, points = sum(data.Temporality, data.IsMonotonic), wantEach(data.DataPoints, wantNumber)
	case metricdata.Histogram[int64]:
		metric.Data, points = histogram(data.Temporality), wantEach(data.DataPoints, wantHistogram)
	case metricdata.Histogram[float64]:
		metric.Data, points = histogram(data.Temporality), wantEach(data.DataPoints, wantHistogram)
	case metricdata.ExponentialHistogram[int64]:
		metric.Data, points = exponential(data.Temporality), wantEach(data.DataPoints, wantExponentialHistogram)
	case metricdata.ExponentialHistogram[float64]:
		metric.Data, points = exponential(data.Temporality), wantEach(data.DataPoints, wantExponentialHistogram)
	case metricdata.Summary:
		metric.Data = &metricspb.Metric_Summary{Summary: new(metricspb.Summary)}
		points = wantEach(data.DataPoints, wantSummary)
	}
	return metric, points
}

var wantTemporalities = map[metricdata.Temporality]metricspb.AggregationTemporality{
	metricdata.DeltaTemporality:      metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
	metricdata.CumulativeTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
}

func wantEach[P any](points []P, want func(P) proto.Message) (wants []proto.Message) {
	for _, p := range points {
		wants = append(wants, want(p))
	}
	return wants
}

func wantNumber[N int64 | float64](p metricdata.DataPoint[N]) proto.Message {
	want := &metricspb.NumberDataPoint{
		Attributes:        wantKeyValues(p.Attributes.ToSlice()),
		StartTimeUnixNano: wantNanos(p.StartTime),
		TimeUnixNano:      wantNanos(p.Time),
		Exemplars:         wantExemplars(p.Exemplars),
	}
	switch v := any(p.Value).(type) {
	case int64:
		want.Value = &metricspb.NumberDataPoint_AsInt{AsInt: v}
	case float64:
		want.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: v}
	}
	return want
}

func wantHistogram[N int64 | float64](p metricdata.HistogramDataPoint[N]) proto.Message {
	return &metricspb.HistogramDataPoint{
		Attributes:        wantKeyValues(p.Attributes.ToSlice()),
		StartTimeUnixNano: wantNanos(p.StartTime),
		TimeUnixNano:      wantNanos(p.Time),
		Count:             p.Count,
		Sum:               proto.Float64(float64(p.Sum)),
		BucketCounts:      p.BucketCounts,
		ExplicitBounds:    p.Bounds,
		Exemplars:         wantExemplars(p.Exemplars),
		Min:               wantExtrema(p.Min),
		Max:               wantExtrema(p.Max),
	}
}

func wantExponentialHistogram[N int64 | float64](p metricdata.ExponentialHistogramDataPoint[N]) proto.Message {
	buckets := func(b metricdata.ExponentialBucket) *metricspb.ExponentialHistogramDataPoint_Buckets {
		return &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: b.Offset, BucketCounts: b.Counts}
	}
	return &metricspb.ExponentialHistogramDataPoint{
		Attributes:        wantKeyValues(p.Attributes.ToSlice()),
		StartTimeUnixNano: wantNanos(p.StartTime),
		TimeUnixNano:      wantNanos(p.Time),
		Count:             p.Count,
		Sum:               proto.Float64(float64(p.Sum)),
		Scale:             p.Scale,
		ZeroCount:         p.ZeroCount,
		ZeroThreshold:     p.ZeroThreshold,
		Positive:          buckets(p.PositiveBucket),
		Negative:          buckets(p.NegativeBucket),
		Exemplars:         wantExemplars(p.Exemplars),
		Min:               wantExtrema(p.Min),
		Max:               wantExtrema(p.Max),
	}
}

func wantSummary(p metricdata.SummaryDataPoint) proto.Message {
	want := &metricspb.SummaryDataPoint{
		Attributes:        wantKeyValues(p.Attributes.ToSlice()),
		StartTimeUnixNano: wantNanos(p.StartTime),
		TimeUnixNano:      wantNanos(p.Time),
		Count:             p.Count,
		Sum:               p.Sum,
	}
	for _, q := range p.QuantileValues {
		want.QuantileValues = append(want.QuantileValues, &metricspb.SummaryDataPoint_ValueAtQuantile{
			Quantile: q.Quantile, Value: q.Value,
		})
	}
	return want
}

func wantExemplars[N int64 | float64](exemplars []metricdata.Exemplar[N]) (wants []*metricspb.Exemplar) {
	for _, x := range exemplars {
		want := &metricspb.Exemplar{
			FilteredAttributes: wantKeyValues(x.FilteredAttributes),
			TimeUnixNano:       wantNanos(x.Time),
			SpanId:             x.SpanID,
			TraceId:            x.TraceID,
		}
		switch v := any(x.Value).(type) {
		case int64:
			want.Value = &metricspb.Exemplar_AsInt{AsInt: v}
		case float64:
			want.Value = &metricspb.Exemplar_AsDouble{AsDouble: v}
		}
		wants = append(wants, want)
	}
	return wants
}

func wantExtrema[N int64 | float64](e metricdata.Extrema[N]) *float64 {
	if v, ok := e.Value(); ok {
		return proto.Float64(float64(v))
	}
	return nil
}

func TestMetricEncoderKinds(t *testing.T) {
	var all []metricdata.Aggregation
	for name, data := range itemtest.Kinds() {
		all = append(all, data)
		t.Run(name, func(t *testing.T) {
			s, points := collect(t, itemtest.Collection(data))
			s.requireEncoded(t, points)
		})
	}
	t.Run("all", func(t *testing.T) {
		s, points := collect(t, itemtest.Collection(all...), itemtest.Collection(all...),
			&metricdata.ResourceMetrics{}, itemtest.Collection(all[0]))
		s.requireEncoded(t, points)
	})
	t.Run("texts", func(t *testing.T) {
		const invalid = "a\xff\xfeb\xc3"
		gauge := metricdata.Gauge[int64]{DataPoints: itemtest.Numbers[int64](1)}
		s, points := collect(t, &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{
			{
				Scope:   instrumentation.Scope{Name: invalid, Version: invalid, SchemaURL: invalid},
				Metrics: []metricdata.Metrics{{Name: invalid, Description: invalid, Unit: invalid, Data: gauge}, {Data: gauge}},
			},
			{Metrics: []metricdata.Metrics{{Data: gauge}}},
		}})
		s.requireEncoded(t, points)
	})
}

func TestPointValues(t *testing.T) {
	for _, kv := range valueTests() {
		t.Run(kv.Value.Type().String()+" "+string(kv.Key), func(t *testing.T) {
			exemplars := []metricdata.Exemplar[float64]{{FilteredAttributes: []attribute.KeyValue{kv}}}
			s, points := collect(t, itemtest.Collection(metricdata.Gauge[float64]{
				DataPoints: []metricdata.DataPoint[float64]{{Attributes: attribute.NewSet(kv), Exemplars: exemplars}},
			}))
			s.requireEncoded(t, points)
		})
	}
}

func TestMetricPrefix(t *testing.T) {
	const slack = 3 * 2 // of groups
	s, points := collect(t, itemtest.Collection(
		metricdata.Gauge[int64]{DataPoints: itemtest.Numbers[int64](1, 2, 3, 4)},
		metricdata.Sum[float64]{DataPoints: itemtest.Numbers(1.0, 2), Temporality: metricdata.DeltaTemporality, IsMonotonic: true},
		metricdata.Gauge[int64]{DataPoints: itemtest.Numbers[int64](1, 2)}))
	s.testPrefix(t, points, slack)
	if out, n := new(MetricEncoder).AppendRequest([]byte("before"), []Point{{}, {}}, noLimit); string(out) != "before" || n != 2 {
		t.Errorf("%d zero points: %q", n, out)
	}
}

// TestPointsAreCopies: the SDK reuses the memory of a collection.
func TestPointsAreCopies(t *testing.T) {
	bounds, counts, id := []float64{1}, []uint64{1, 2}, []byte("8 bytes.")
	user := []attribute.KeyValue{attribute.String("user", "u1")}
	histograms := []metricdata.HistogramDataPoint[float64]{{
		Bounds: bounds, BucketCounts: counts,
		Exemplars: []metricdata.Exemplar[float64]{{FilteredAttributes: user, SpanID: id, TraceID: id}},
	}}
	exponentials := []metricdata.ExponentialHistogramDataPoint[float64]{{
		PositiveBucket: metricdata.ExponentialBucket{Counts: counts},
	}}
	rm := itemtest.Collection(
		metricdata.Histogram[float64]{DataPoints: histograms, Temporality: metricdata.DeltaTemporality},
		metricdata.ExponentialHistogram[float64]{DataPoints: exponentials, Temporality: metricdata.DeltaTemporality})
	points, err := EncodePoints(rm)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := new(MetricEncoder).AppendRequest(nil, points, noLimit)
	clear(bounds)
	clear(counts)
	clear(id)
	clear(user)
	clear(histograms)
	clear(exponentials)
	clear(rm.ScopeMetrics[0].Metrics)
	if after, _ := new(MetricEncoder).AppendRequest(nil, points, noLimit); string(after) != string(before) {
		t.Errorf("points share memory with their collection:\n%x\n%x", before, after)
	}
}

// TestPoint: only the points of a delta are in no later collection.
func TestPoint(t *testing.T) {
	for name, data := range itemtest.Kinds() {
		points, err := EncodePoints(itemtest.Collection(data))
		if err != nil {
			t.Fatal(err)
		}
		temporality := metricdata.CumulativeTemporality
		switch data := data.(type) {
		case metricdata.Sum[float64]:
			temporality = data.Temporality
		case metricdata.Histogram[float64]:
			temporality = data.Temporality
		case metricdata.ExponentialHistogram[int64]:
			temporality = data.Temporality
		}
		sum := 0
		for _, p := range points {
			replaceable := temporality == metricdata.CumulativeTemporality
			if p.Replaceable() != replaceable || p.Name() != "metric." || p.Memory() < len(p.data) {
				t.Errorf("%s: replaceable %t, name %q, %d bytes in memory", name, p.Replaceable(), p.Name(), p.Memory())
			}
			sum += p.Memory()
		}
		if len(points) > 0 && sum < metricBytes {
			t.Errorf("%s: %d points have %d bytes together", name, len(points), sum)
		}
	}
}

func TestEncodePointsReportsUnknownMetrics(t *testing.T) {
	numbers := itemtest.Numbers[int64](1)
	points, err := EncodePoints(itemtest.Collection(
		metricdata.Sum[int64]{DataPoints: numbers}, metricdata.Gauge[int64]{DataPoints: numbers}, nil))
	const want = "encode metric \"metric.\": unknown temporality 0\nencode metric \"metric.xx\": data of unknown type <nil>"
	if len(points) != 2 || err == nil || err.Error() != want {
		t.Errorf("%d points, error %v, want %s", len(points), err, want)
	}
}

func TestMetricEncoderAllocatesNothing(t *testing.T) {
	_, points := collect(t, itemtest.Collection(metricdata.Gauge[int64]{DataPoints: itemtest.Numbers(make([]int64, 100)...)}))
	e := new(MetricEncoder)
	dst, _ := e.AppendRequest(nil, points, noLimit)
	if allocs := testing.AllocsPerRun(20, func() { dst, _ = e.AppendRequest(dst[:0], points, noLimit) }); allocs > 0 {
		t.Errorf("%v allocations for a request of %d points, want none", allocs, len(points))
	}
}

// BenchmarkMetricEncoder is a collection of 1,000 points and its request. Its rival, the official transform, is in
// bench.
func BenchmarkMetricEncoder(b *testing.B) {
	b.Run("impl=epilogue", func(b *testing.B) {
		rm := itemtest.Measured(100)
		e := new(MetricEncoder)
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			points, err := EncodePoints(rm)
			if err != nil {
				b.Fatal(err)
			}
			dst, _ = e.AppendRequest(dst[:0], points, noLimit)
		}
	})
}
