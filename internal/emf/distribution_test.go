package emf

import (
	"fmt"
	"math"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func (d *Distribution) String() string {
	return fmt.Sprintf("%.4g×%d min %.4g max %.4g sum %.4g count %d", d.Values, d.Counts, d.Min, d.Max, d.Sum, d.Count)
}

func TestExplicit(t *testing.T) {
	lowest, highest := unknown()
	three := total{sum: 70, bounds: []float64{0, 10, 20}, buckets: []uint64{1, 0, 3, 1}}
	one := total{sum: 12, count: 4, buckets: []uint64{4}}
	noSum := total{bounds: []float64{10}, buckets: []uint64{2, 1}}
	for want, got := range map[string]*Distribution{
		"[-1 15 25.5]×[1 3 1] min -2 max 31 sum 70 count 5": explicit(three, -2, 31),
		"[0 15 20]×[1 3 1] min 0 max 20 sum 70 count 5":     explicit(three, lowest, highest),
		"[3]×[4] min 3 max 3 sum 12 count 4":                explicit(one, lowest, highest),
		"[7 20]×[2 1] min 4 max 30 sum 34 count 3":          explicit(noSum, 4, 30),
	} {
		if got.String() != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestExponential(t *testing.T) {
	bucket := func(offset int32, counts ...uint64) metricdata.ExponentialBucket {
		return metricdata.ExponentialBucket{Offset: offset, Counts: counts}
	}
	between := func(lowest, highest float64, p metricdata.ExponentialHistogramDataPoint[float64]) string {
		p.Min, p.Max = metricdata.NewExtrema(lowest), metricdata.NewExtrema(highest)
		return exponential(&p).String()
	}
	type point = metricdata.ExponentialHistogramDataPoint[float64]
	unbounded := point{Scale: 2, Sum: 2, PositiveBucket: bucket(0, 1, 1)}
	for want, got := range map[string]string{
		"[1.095 1.302]×[1 1] min 1.095 max 1.302 sum 2 count 2": exponential(&unbounded).String(),
		"[-6 -3 0 1.5 2.5]×[2 1 3 1 2] min -8 max 3 sum 1 count 9": between(-8, 3, point{
			Sum: 1, ZeroCount: 3, NegativeBucket: bucket(1, 1, 2), PositiveBucket: bucket(0, 1, 2),
		}),
		"[2 8.988e+307]×[1 1] min 2 max 1.798e+308 sum 9 count 2": between(2, math.MaxFloat64, point{
			Scale: -10, Sum: 9, PositiveBucket: bucket(-1, 1, 1),
		}),
		"[2.5]×[1] min 2.5 max 2.5 sum 2.5 count 1": between(2.5, 2.5, point{
			Scale: -10, Sum: 2.5, PositiveBucket: bucket(0, 1),
		}),
		"[4.941e-324]×[2] min 4.941e-324 max 4.941e-324 sum 9.881e-324 count 2": between(5e-324, 5e-324, point{
			Scale: 20, PositiveBucket: bucket(-1074<<20, 2),
		}),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func sample(values ...float64) *Distribution {
	d := newDistribution(values[0], values[len(values)-1], len(values))
	for _, v := range values {
		d.addValue(v, 2)
	}
	d.finish(d.estimate())
	return d
}

func TestMerge(t *testing.T) {
	d := sample(1, 3, 5)
	d.add(sample(-1, 3, 4))
	if got, want := d.String(), "[-1 1 3 4 5]×[2 2 4 2 2] min -1 max 5 sum 30 count 12"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var many []float64
	for i := range 900 {
		many = append(many, float64(2*i+2))
	}
	d.add(sample(many...))
	d.add(sample(many[0]+1, many[899]+1))
	for i := range many {
		many[i]++
	}
	d.add(sample(many...))
	if len(d.Values) > maxMergedValues || d.Count != 12+1800+4+1800 || math.Abs(d.Sum-d.estimate()) > 1e-6*d.Sum {
		t.Errorf("%d values, %d times, sum %g or %g", len(d.Values), d.Count, d.Sum, d.estimate())
	}
}

// TestSplit: parts have the count and the sum of the whole, and each has numbers that agree.
func TestSplit(t *testing.T) {
	both, high := newDistribution(-100, 200, 0), newDistribution(1, 1<<20, 0)
	for v := -100.0; v <= 200; v++ {
		both.addValue(v, 1+uint64(v+100))
	}
	for i := range 250 {
		high.addValue(math.Exp2(float64(i)/12.5), uint64(1+i%7))
	}
	both.finish(both.estimate() + 500)
	high.finish(high.estimate() * 1.02)
	for _, d := range []*Distribution{both, high} {
		whole := *d
		whole.Sum, whole.Count = 0, 0
		parts := d.split(maxValues)
		for i, p := range parts {
			whole.Sum += p.Sum
			whole.Count += p.Count
			n, last := len(p.Values), i == len(parts)-1
			if n > maxValues || n < 50 && !last || p.Min > p.Values[0] || p.Max < p.Values[n-1] {
				t.Errorf("part %v", &p)
			}
			if d == high && (p.Sum < p.Min*float64(p.Count) || p.Sum > p.Max*float64(p.Count)) {
				t.Errorf("the sum of part %v is impossible", &p)
			}
		}
		if whole.Count != d.Count || math.Abs(whole.Sum-d.Sum) > 1e-9*d.Sum ||
			parts[0].Min != d.Min || parts[len(parts)-1].Max != d.Max {
			t.Errorf("%d parts of %v: sum %g, count %d", len(parts), d, whole.Sum, whole.Count)
		}
	}
}
