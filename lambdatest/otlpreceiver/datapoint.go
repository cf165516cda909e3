package otlpreceiver

import (
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// DataPoint is a received data point, with the fields of its metric. The package doc lists the types of attribute
// values.
type DataPoint struct {
	Name, Description, Unit string
	Kind                    string // "gauge", "sum", "histogram", "exponential histogram" or "summary"
	Temporality             string // "cumulative", "delta" or "unspecified"; "" for gauges and summaries
	Monotonic               bool   // of a sum
	Attributes              map[string]any
	Start, Time             time.Time
	Flags                   uint32 // 1 means that no value is recorded

	Value any // int64 or float64 of a gauge or a sum; nil for none

	Count         uint64   // of a distribution, as the fields below
	Sum, Min, Max *float64 // nil for none
	Bounds        []float64
	Buckets       []uint64 // the counts of a histogram's buckets, one more than Bounds
	Scale         int32    // of an exponential histogram
	ZeroCount     uint64
	ZeroThreshold float64
	Positive      ExponentialBuckets
	Negative      ExponentialBuckets
	Quantiles     map[float64]float64 // of a summary; values by quantile

	Exemplars []Exemplar

	Source
}

// ExponentialBuckets are the counts of an exponential histogram's buckets; the first has the index Offset.
type ExponentialBuckets struct {
	Offset int32
	Counts []uint64
}

// Exemplar is a recorded measurement of a data point. IDs are in lower-case hex, "" for none.
type Exemplar struct {
	Time            time.Time
	Value           any // int64 or float64; nil for none
	TraceID, SpanID string
	Attributes      map[string]any // those that the data point does not have
}

func (d *decoder) points(request *metricspb.MetricsData) []DataPoint {
	var out []DataPoint
	for _, rm := range request.GetResourceMetrics() {
		resource := attributes(rm.GetResource().GetAttributes())
		for _, sm := range rm.GetScopeMetrics() {
			from := source(resource, sm.GetScope())
			for _, m := range sm.GetMetrics() {
				for _, point := range d.pointsOf(m) {
					point.Name, point.Description, point.Unit = m.GetName(), m.GetDescription(), m.GetUnit()
					point.Source = from
					out = append(out, point)
				}
			}
		}
	}
	return out
}

// pointsOf returns the data points of m without the fields that all kinds of metrics have.
func (d *decoder) pointsOf(m *metricspb.Metric) (points []DataPoint) {
	switch data := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		for _, p := range data.Gauge.GetDataPoints() {
			points = append(points, d.number(p, DataPoint{Kind: "gauge"}))
		}
	case *metricspb.Metric_Sum:
		head := DataPoint{Kind: "sum", Temporality: temporality(data.Sum), Monotonic: data.Sum.GetIsMonotonic()}
		for _, p := range data.Sum.GetDataPoints() {
			points = append(points, d.number(p, head))
		}
	case *metricspb.Metric_Histogram:
		for _, p := range data.Histogram.GetDataPoints() {
			points = append(points, d.histogram(p, temporality(data.Histogram)))
		}
	case *metricspb.Metric_ExponentialHistogram:
		for _, p := range data.ExponentialHistogram.GetDataPoints() {
			points = append(points, d.exponentialHistogram(p, temporality(data.ExponentialHistogram)))
		}
	case *metricspb.Metric_Summary:
		for _, p := range data.Summary.GetDataPoints() {
			points = append(points, summary(p))
		}
	}
	return points
}

func temporality(data interface {
	GetAggregationTemporality() metricspb.AggregationTemporality
},
) string {
	return word(data.GetAggregationTemporality().String(), "AGGREGATION_TEMPORALITY_")
}

// number returns head with the values of p.
func (d *decoder) number(p *metricspb.NumberDataPoint, head DataPoint) DataPoint {
	head.Attributes, head.Flags = attributes(p.GetAttributes()), p.GetFlags()
	head.Start, head.Time = instant(p.GetStartTimeUnixNano()), instant(p.GetTimeUnixNano())
	head.Exemplars = d.exemplars(p.GetExemplars())
	switch v := p.GetValue().(type) {
	case *metricspb.NumberDataPoint_AsInt:
		head.Value = v.AsInt
	case *metricspb.NumberDataPoint_AsDouble:
		head.Value = v.AsDouble
	}
	return head
}

func (d *decoder) histogram(p *metricspb.HistogramDataPoint, temporality string) DataPoint {
	return DataPoint{
		Kind: "histogram", Temporality: temporality, Attributes: attributes(p.GetAttributes()), Flags: p.GetFlags(),
		Start: instant(p.GetStartTimeUnixNano()), Time: instant(p.GetTimeUnixNano()),
		Count: p.GetCount(), Sum: p.Sum, Min: p.Min, Max: p.Max,
		Bounds: p.GetExplicitBounds(), Buckets: p.GetBucketCounts(), Exemplars: d.exemplars(p.GetExemplars()),
	}
}

func (d *decoder) exponentialHistogram(p *metricspb.ExponentialHistogramDataPoint, temporality string) DataPoint {
	return DataPoint{
		Kind: "exponential histogram", Temporality: temporality, Attributes: attributes(p.GetAttributes()),
		Flags: p.GetFlags(), Start: instant(p.GetStartTimeUnixNano()), Time: instant(p.GetTimeUnixNano()),
		Count: p.GetCount(), Sum: p.Sum, Min: p.Min, Max: p.Max,
		Scale: p.GetScale(), ZeroCount: p.GetZeroCount(), ZeroThreshold: p.GetZeroThreshold(),
		Positive:  ExponentialBuckets{p.GetPositive().GetOffset(), p.GetPositive().GetBucketCounts()},
		Negative:  ExponentialBuckets{p.GetNegative().GetOffset(), p.GetNegative().GetBucketCounts()},
		Exemplars: d.exemplars(p.GetExemplars()),
	}
}

func summary(p *metricspb.SummaryDataPoint) DataPoint {
	sum := p.GetSum()
	point := DataPoint{
		Kind: "summary", Attributes: attributes(p.GetAttributes()), Flags: p.GetFlags(),
		Start: instant(p.GetStartTimeUnixNano()), Time: instant(p.GetTimeUnixNano()),
		Count: p.GetCount(), Sum: &sum, Quantiles: make(map[float64]float64),
	}
	for _, q := range p.GetQuantileValues() {
		point.Quantiles[q.GetQuantile()] = q.GetValue()
	}
	return point
}

func (d *decoder) exemplars(received []*metricspb.Exemplar) (out []Exemplar) {
	for _, e := range received {
		exemplar := Exemplar{
			Time: instant(e.GetTimeUnixNano()), TraceID: d.id(e.GetTraceId(), 16), SpanID: d.id(e.GetSpanId(), 8),
			Attributes: attributes(e.GetFilteredAttributes()),
		}
		switch v := e.GetValue().(type) {
		case *metricspb.Exemplar_AsInt:
			exemplar.Value = v.AsInt
		case *metricspb.Exemplar_AsDouble:
			exemplar.Value = v.AsDouble
		}
		out = append(out, exemplar)
	}
	return out
}
