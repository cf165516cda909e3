package otlp

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Point is one data point of one metric, encoded at its collection. The SDK reuses the memory of a collection, so a
// Point has none of it. Points are immutable. The zero value is no point.
type Point struct{ *point }

type point struct {
	metric *metric
	data   []byte // content of a data point of the metric's kind
}

// metric is one metric of one collection, without its points.
type metric struct {
	resource    *resource.Resource
	scope       instrumentation.Scope
	name        string
	head        []byte // the fields of a metrics.v1.Metric before its data
	kind        int    // field of the data
	tail        []byte // the fields of the data after its points
	replaceable bool
	share       int // bytes of a metric in memory for each of its points
}

// Name returns the name of the point's metric.
func (p *point) Name() string { return p.metric.name }

// Replaceable reports whether a point of a later collection has all that p has: p is a gauge, a summary, or cumulative.
// The value of a delta is in no other point.
func (p *point) Replaceable() bool { return p.metric.replaceable }

// Memory estimates how many bytes p has in memory, with its share of what the points of a metric have in common.
func (p *point) Memory() int { return pointBytes + len(p.data) + p.metric.share }

// Sizes in memory, in bytes, on 64-bit systems.
const (
	pointBytes  = 40 // with the pointer to it
	metricBytes = 184
)

// Fields of metrics.v1.Metric that are its data.
const (
	kindGauge       = 5
	kindSum         = 7
	kindHistogram   = 9
	kindExponential = 10
	kindSummary     = 11
)

// EncodePoints encodes the points of a collection, in order. A metric whose data or temporality the protocol does not
// have is left out, and err names it.
func EncodePoints(rm *metricdata.ResourceMetrics) (points []Point, err error) {
	c := collection{resource: rm.Resource}
	for i := range rm.ScopeMetrics {
		c.scope = rm.ScopeMetrics[i].Scope
		for _, m := range rm.ScopeMetrics[i].Metrics {
			if err := c.add(m); err != nil {
				c.errs = append(c.errs, fmt.Errorf("encode metric %q: %w", m.Name, err))
			}
		}
	}
	return c.points, errors.Join(c.errs...)
}

// collection encodes the points of a collection.
type collection struct {
	resource *resource.Resource
	scope    instrumentation.Scope
	points   []Point
	errs     []error
	text     []byte // of the points of a metric
	ends     []int  // of each in text
}

// add adds the points of m.
func (c *collection) add(m metricdata.Metrics) error {
	switch data := m.Data.(type) {
	case metricdata.Gauge[int64]:
		encodePoints(c, c.metric(m, kindGauge), data.DataPoints, appendNumber)
	case metricdata.Gauge[float64]:
		encodePoints(c, c.metric(m, kindGauge), data.DataPoints, appendNumber)
	case metricdata.Sum[int64]:
		return encodeSum(c, m, data)
	case metricdata.Sum[float64]:
		return encodeSum(c, m, data)
	case metricdata.Histogram[int64]:
		return encodeTemporal(c, c.metric(m, kindHistogram), data.Temporality, data.DataPoints, appendHistogram)
	case metricdata.Histogram[float64]:
		return encodeTemporal(c, c.metric(m, kindHistogram), data.Temporality, data.DataPoints, appendHistogram)
	case metricdata.ExponentialHistogram[int64]:
		return encodeTemporal(c, c.metric(m, kindExponential), data.Temporality, data.DataPoints, appendExponential)
	case metricdata.ExponentialHistogram[float64]:
		return encodeTemporal(c, c.metric(m, kindExponential), data.Temporality, data.DataPoints, appendExponential)
	case metricdata.Summary:
		encodePoints(c, c.metric(m, kindSummary), data.DataPoints, appendSummary)
	default:
		return fmt.Errorf("data of unknown type %T", data)
	}
	return nil
}

func (c *collection) metric(m metricdata.Metrics, kind int) *metric {
	head := appendString(nil, 1, m.Name)
	head = appendString(head, 2, m.Description)
	head = appendString(head, 3, m.Unit)
	return &metric{resource: c.resource, scope: c.scope, name: m.Name, head: head, kind: kind, replaceable: true}
}

func encodeSum[N int64 | float64](c *collection, m metricdata.Metrics, sum metricdata.Sum[N]) error {
	to := c.metric(m, kindSum)
	if err := encodeTemporal(c, to, sum.Temporality, sum.DataPoints, appendNumber); err != nil {
		return err
	}
	if sum.IsMonotonic {
		to.tail = appendUint(to.tail, 3, 1)
	}
	return nil
}

// encodeTemporal adds points that are deltas or cumulative.
func encodeTemporal[P any](
	c *collection, m *metric, temporality metricdata.Temporality, points []P, appendPoint func([]byte, *P) []byte,
) error {
	const delta, cumulative = 1, 2 // of metrics.v1.AggregationTemporality
	switch temporality {
	case metricdata.DeltaTemporality:
		m.tail, m.replaceable = appendUint(m.tail, 2, delta), false
	case metricdata.CumulativeTemporality:
		m.tail = appendUint(m.tail, 2, cumulative)
	default:
		return fmt.Errorf("unknown temporality %d", temporality)
	}
	encodePoints(c, m, points, appendPoint)
	return nil
}

// encodePoints adds the points of m. They share memory with each other alone, because the points of one metric are sent
// or replaced together.
func encodePoints[P any](c *collection, m *metric, points []P, appendPoint func([]byte, *P) []byte) {
	if len(points) == 0 {
		return
	}
	c.text, c.ends = c.text[:0], c.ends[:0]
	for i := range points {
		c.text = appendPoint(c.text, &points[i])
		c.ends = append(c.ends, len(c.text))
	}
	m.share = (metricBytes + len(m.head)) / len(points)
	text, own, begin := slices.Clone(c.text), make([]point, len(points)), 0
	c.points = slices.Grow(c.points, len(points))
	for i, end := range c.ends {
		own[i] = point{m, text[begin:end:end]}
		c.points = append(c.points, Point{&own[i]})
		begin = end
	}
}

// The functions below append the content of a data point. The fields are in the order of the official marshaler:
// ascending, but the field of a oneof is the last one.

func appendNumber[N int64 | float64](dst []byte, p *metricdata.DataPoint[N]) []byte {
	dst = appendFixed64(dst, 2, unixNano(p.StartTime))
	dst = appendFixed64(dst, 3, unixNano(p.Time))
	dst = appendExemplars(dst, 5, p.Exemplars)
	dst = appendSet(dst, 7, &p.Attributes)
	return appendOneof(dst, 4, p.Value)
}

func appendHistogram[N int64 | float64](dst []byte, p *metricdata.HistogramDataPoint[N]) []byte {
	dst = appendFixed64(dst, 2, unixNano(p.StartTime))
	dst = appendFixed64(dst, 3, unixNano(p.Time))
	dst = appendFixed64(dst, 4, p.Count)
	dst = appendPresentDouble(dst, 5, float64(p.Sum))
	dst = appendFixed64s(dst, 6, p.BucketCounts)
	dst = appendDoubles(dst, 7, p.Bounds)
	dst = appendExemplars(dst, 8, p.Exemplars)
	dst = appendSet(dst, 9, &p.Attributes)
	dst = appendExtrema(dst, 11, p.Min)
	return appendExtrema(dst, 12, p.Max)
}

func appendExponential[N int64 | float64](dst []byte, p *metricdata.ExponentialHistogramDataPoint[N]) []byte {
	dst = appendSet(dst, 1, &p.Attributes)
	dst = appendFixed64(dst, 2, unixNano(p.StartTime))
	dst = appendFixed64(dst, 3, unixNano(p.Time))
	dst = appendFixed64(dst, 4, p.Count)
	dst = appendPresentDouble(dst, 5, float64(p.Sum))
	dst = appendSint32(dst, 6, p.Scale)
	dst = appendFixed64(dst, 7, p.ZeroCount)
	dst = appendBuckets(dst, 8, p.PositiveBucket)
	dst = appendBuckets(dst, 9, p.NegativeBucket)
	dst = appendExemplars(dst, 11, p.Exemplars)
	dst = appendExtrema(dst, 12, p.Min)
	dst = appendExtrema(dst, 13, p.Max)
	return appendDouble(dst, 14, p.ZeroThreshold)
}

func appendBuckets(dst []byte, field int, b metricdata.ExponentialBucket) []byte {
	dst, mark := open(dst, field)
	dst = appendSint32(dst, 1, b.Offset)
	return shut(appendUints(dst, 2, b.Counts), mark)
}

func appendSummary(dst []byte, p *metricdata.SummaryDataPoint) []byte {
	dst = appendFixed64(dst, 2, unixNano(p.StartTime))
	dst = appendFixed64(dst, 3, unixNano(p.Time))
	dst = appendFixed64(dst, 4, p.Count)
	dst = appendDouble(dst, 5, p.Sum)
	for _, q := range p.QuantileValues {
		var mark int
		dst, mark = open(dst, 6)
		dst = appendDouble(dst, 1, q.Quantile)
		dst = shut(appendDouble(dst, 2, q.Value), mark)
	}
	return appendSet(dst, 7, &p.Attributes)
}

func appendExemplars[N int64 | float64](dst []byte, field int, exemplars []metricdata.Exemplar[N]) []byte {
	for i := range exemplars {
		x := &exemplars[i]
		var mark int
		dst, mark = open(dst, field)
		dst = appendFixed64(dst, 2, unixNano(x.Time))
		if len(x.SpanID) > 0 {
			dst = appendBytes(dst, 4, x.SpanID)
		}
		if len(x.TraceID) > 0 {
			dst = appendBytes(dst, 5, x.TraceID)
		}
		dst = appendKeyValues(dst, 7, x.FilteredAttributes, 0)
		dst = shut(appendOneof(dst, 3, x.Value), mark)
	}
	return dst
}

// appendOneof appends the value of a number or of an exemplar: field asDouble if it is one, otherwise field 6, as_int.
func appendOneof[N int64 | float64](dst []byte, asDouble int, v N) []byte {
	const asInt = 6
	if f, ok := any(v).(float64); ok {
		return appendPresentDouble(dst, asDouble, f)
	}
	return appendPresent64(dst, asInt, uint64(int64(v)))
}

func appendExtrema[N int64 | float64](dst []byte, field int, e metricdata.Extrema[N]) []byte {
	if v, ok := e.Value(); ok {
		return appendPresentDouble(dst, field, float64(v))
	}
	return dst
}
