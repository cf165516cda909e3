package emf

import (
	"math"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// extremes returns the smallest and the largest value of a histogram; infinities: unknown.
func extremes[N int64 | float64](smallest, largest metricdata.Extrema[N]) (lowest, highest float64) {
	lowest, highest = unknown()
	if v, ok := smallest.Value(); ok {
		lowest = float64(v)
	}
	if v, ok := largest.Value(); ok {
		highest = float64(v)
	}
	return lowest, highest
}

func unknown() (lowest, highest float64) { return math.Inf(-1), math.Inf(1) }

// explicit returns the distribution of a histogram with explicit boundaries.
func explicit(t total, lowest, highest float64) *Distribution {
	d := newDistribution(lowest, highest, len(t.buckets))
	low := math.Inf(-1)
	for i, count := range t.buckets {
		high := math.Inf(1)
		if i < len(t.bounds) {
			high = t.bounds[i]
		}
		if math.IsInf(low, -1) && math.IsInf(high, 1) && t.count > 0 { // one bucket: all that is known is the mean
			low, high = t.sum/float64(t.count), t.sum/float64(t.count)
		}
		d.addBucket(low, high, count)
		low = high
	}
	d.finish(t.sum)
	return d
}

// exponential returns the distribution of an exponential histogram.
func exponential[N int64 | float64](p *metricdata.ExponentialHistogramDataPoint[N]) *Distribution {
	lowest, highest := extremes(p.Min, p.Max)
	negative, positive := p.NegativeBucket, p.PositiveBucket
	d := newDistribution(lowest, highest, len(negative.Counts)+1+len(positive.Counts))
	for i := len(negative.Counts) - 1; i >= 0; i-- {
		low, high := bucketRange(p.Scale, int(negative.Offset)+i)
		d.addBucket(-high, -low, negative.Counts[i])
	}
	d.addBucket(-p.ZeroThreshold, p.ZeroThreshold, p.ZeroCount)
	for i, count := range positive.Counts {
		low, high := bucketRange(p.Scale, int(positive.Offset)+i)
		d.addBucket(low, high, count)
	}
	d.finish(float64(p.Sum))
	return d
}

// bucketRange returns the range of a bucket of an exponential histogram (OpenTelemetry specification, "Metrics Data
// Model").
func bucketRange(scale int32, index int) (low, high float64) {
	width := math.Ldexp(1, -int(scale))
	return math.Exp2(float64(index) * width), math.Exp2(float64(index+1) * width)
}
