package emf

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Point is one data point of a CloudWatch metric, ready to be written. It shares no memory with metricdata.
type Point struct {
	Name string
	Unit string // of CloudWatch; empty: none
	// Attributes are the dimensions. Their values are strings.
	Attributes attribute.Set
	Time       time.Time
	Value      float64
	// Distribution replaces Value for a histogram; nil: the point has a Value.
	Distribution *Distribution

	latest bool // of points that coincide, the latest counts: a gauge
}

// Bytes estimates the memory that p takes.
func (p *Point) Bytes() int {
	const point, dimension, value = 200, 60, 16
	n := point + len(p.Name)
	for iter := p.Attributes.Iter(); iter.Next(); {
		kv := iter.Attribute()
		n += dimension + len(kv.Key) + len(kv.Value.AsString())
	}
	if p.Distribution != nil {
		n += value * len(p.Distribution.Values)
	}
	return n
}

// valid reports whether CloudWatch accepts the numbers of p.
func (p *Point) valid() bool {
	d := p.Distribution
	if d == nil {
		return validValue(p.Value)
	}
	return d.Count > 0 && validValue(d.Sum) && validValue(d.Min) && validValue(d.Max) && d.Min <= d.Max
}

// maxValue is the limit of a value's magnitude (API Reference, "MetricDatum").
const maxValue = 0x1p360

// validValue reports whether CloudWatch accepts v; it is false for NaN.
func validValue(v float64) bool { return math.Abs(v) < maxValue }

// add merges q into p, which has the same name, unit, dimensions and kind.
func (p *Point) add(q *Point) {
	newer := !q.Time.Before(p.Time)
	switch {
	case p.Distribution != nil:
		p.Distribution.add(q.Distribution)
	case !p.latest:
		p.Value += q.Value
	case newer:
		p.Value = q.Value
	}
	if newer {
		p.Time = q.Time
	}
}
