package emf

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// The SDK makes deltas, as [Temporality] asks. A metric.Producer does not know what the reader prefers, and most
// produce cumulative points. This file makes deltas of them: CloudWatch adds all points of a period.

// source is a metric as its instrument or producer names it.
type source struct{ scope, name, unit string }

// stream is one series of a source.
type stream struct {
	source
	attributes attribute.Distinct
}

// total is a cumulative value since start.
type total struct {
	start   time.Time
	sum     float64
	count   uint64 // of a histogram, as the rest
	bounds  []float64
	buckets []uint64
}

// maxCumulative bounds the memory of cumulative series. A producer may have more attributes than the SDK allows.
const maxCumulative = 2000

// since returns the difference between a series and its last collection. known is false, and the point counts as dropped,
// if there are maxCumulative other series already.
func (c *Converter) since(s source, attributes attribute.Set, now total) (delta total, known bool) {
	key := stream{s, attributes.Equivalent()}
	last, found := c.cumulative[key]
	if !found && len(c.cumulative) >= maxCumulative {
		c.dropped++
		c.report("too many cumulative series", "metric producers have more than %d cumulative series: "+
			"those of %q and others are dropped", maxCumulative, s.name)
		return total{}, false
	}
	now.bounds, now.buckets = slices.Clone(now.bounds), slices.Clone(now.buckets)
	c.cumulative[key] = now
	if now.isReset(last) {
		return now, true
	}
	delta = now
	delta.sum -= last.sum
	delta.count -= last.count
	delta.buckets = slices.Clone(now.buckets)
	for i := range delta.buckets {
		delta.buckets[i] -= last.buckets[i]
	}
	return delta, true
}

// isReset reports whether t does not continue last.
func (t total) isReset(last total) bool {
	shrunk := t.count < last.count || t.count == 0 && last.count == 0 && t.sum < last.sum
	if shrunk || !t.start.Equal(last.start) || !slices.Equal(t.bounds, last.bounds) ||
		len(t.buckets) != len(last.buckets) {
		return true
	}
	for i := range t.buckets {
		if t.buckets[i] < last.buckets[i] {
			return true
		}
	}
	return false
}
