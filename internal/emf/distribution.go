package emf

import "math"

// Distribution is the values of a histogram that were recorded since the last collection.
type Distribution struct {
	// Values are in ascending order, one for each bucket that is not empty: the middle of its range within Min and Max.
	// The OpenTelemetry Collector's awsemf exporter uses the middle, too.
	Values []float64
	// Counts are how often each of Values was recorded. None is 0.
	Counts []uint64

	Min, Max, Sum float64
	Count         uint64 // the sum of Counts
}

// newDistribution returns a distribution without values. An unknown minimum is -Inf, an unknown maximum +Inf.
func newDistribution(lowest, highest float64, buckets int) *Distribution {
	return &Distribution{
		Min: lowest, Max: highest, Values: make([]float64, 0, buckets), Counts: make([]uint64, 0, buckets),
	}
}

// addBucket adds the values of a bucket between low and high. Buckets are added in ascending order.
func (d *Distribution) addBucket(low, high float64, count uint64) {
	if count == 0 {
		return
	}
	low, high = min(max(low, d.Min), d.Max), max(min(high, d.Max), d.Min)
	value := low + (high-low)/2
	switch {
	case math.IsInf(low, 0):
		value = high
	case math.IsInf(high, 0):
		value = low
	}
	d.addValue(value, count)
}

func (d *Distribution) addValue(value float64, count uint64) {
	d.Count += count
	if last := len(d.Values) - 1; last >= 0 && d.Values[last] >= value {
		d.Counts[last] += count
		return
	}
	d.Values, d.Counts = append(d.Values, value), append(d.Counts, count)
}

// finish sets the sum, and the extremes that are unknown. The SDK records no sum for an instrument that may be
// negative, and says 0. A sum of 0 that is impossible is estimated from the values.
func (d *Distribution) finish(sum float64) {
	if d.Count == 0 {
		return
	}
	if math.IsInf(d.Min, -1) {
		d.Min = d.Values[0]
	}
	if math.IsInf(d.Max, 1) {
		d.Max = d.Values[len(d.Values)-1]
	}
	d.Sum = sum
	if sum == 0 && (d.Min > 0 || d.Max < 0) {
		d.Sum = d.estimate()
	}
}

// estimate returns the sum of the values.
func (d *Distribution) estimate() (sum float64) {
	for i, v := range d.Values {
		sum += v * float64(d.Counts[i])
	}
	return sum
}

// maxMergedValues bounds the values of a distribution that is merged from others.
const maxMergedValues = 1000

// add adds the values of other to d.
func (d *Distribution) add(other *Distribution) {
	sum := newDistribution(min(d.Min, other.Min), max(d.Max, other.Max), len(d.Values)+len(other.Values))
	for a, b := d.cursor(), other.cursor(); len(a.values)+len(b.values) > 0; {
		from := &a
		if len(a.values) == 0 || len(b.values) > 0 && b.values[0] < a.values[0] {
			from = &b
		}
		sum.addValue(from.next())
	}
	sum.Sum = d.Sum + other.Sum
	for len(sum.Values) > maxMergedValues {
		sum.halve()
	}
	*d = *sum
}

// cursor is a position in the values of a distribution.
type cursor struct {
	values []float64
	counts []uint64
}

func (d *Distribution) cursor() cursor { return cursor{d.Values, d.Counts} }

func (c *cursor) next() (value float64, count uint64) {
	value, count = c.values[0], c.counts[0]
	c.values, c.counts = c.values[1:], c.counts[1:]
	return value, count
}

// halve makes one value of each two neighbors: their mean.
func (d *Distribution) halve() {
	rest := d.cursor()
	d.Values, d.Counts = d.Values[:0], d.Counts[:0]
	for len(rest.values) > 0 {
		value, count := rest.next()
		if len(rest.values) > 0 {
			other, more := rest.next()
			value += (other - value) * float64(more) / float64(count+more)
			count += more
		}
		d.Values, d.Counts = append(d.Values, value), append(d.Counts, count)
	}
}

// split returns parts of d with at most n values each. Together they have d's count and sum.
func (d *Distribution) split(n int) []Distribution {
	if len(d.Values) <= n {
		return []Distribution{*d}
	}
	var parts []Distribution
	left := d.Sum
	for rest := d.cursor(); len(rest.values) > 0; {
		size := min(n, len(rest.values))
		part := Distribution{Values: rest.values[:size], Counts: rest.counts[:size]}
		rest = cursor{rest.values[size:], rest.counts[size:]}
		part.Min, part.Max = part.Values[0], part.Values[size-1]
		for _, count := range part.Counts {
			part.Count += count
		}
		part.Sum = part.estimate() * d.correction()
		left -= part.Sum
		parts = append(parts, part)
	}
	last := len(parts) - 1
	parts[0].Min, parts[last].Max = d.Min, d.Max
	parts[last].Sum += left
	return parts
}

// correction is the factor between the estimated sums of parts and their share of the sum. Buckets of a histogram grow
// exponentially, so the error of each value is about proportional to it, unless there are values of both signs.
func (d *Distribution) correction() float64 {
	if estimate := d.estimate(); estimate != 0 && (d.Values[0] >= 0 || d.Values[len(d.Values)-1] <= 0) {
		return d.Sum / estimate
	}
	return 1
}
