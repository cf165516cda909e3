package emf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// generator makes random metricdata of a few names, so that points coincide and collide.
type generator struct {
	*rand.Rand
	text string // part of names and values
}

func (g *generator) name() string {
	names := []string{"a", "b", "attr.a", "level", "_aws", "timestamp", ":x", g.text, g.text + "1", ""}
	return names[g.IntN(len(names))]
}

func (g *generator) attributes() attribute.Set {
	var attrs []attribute.KeyValue
	for range g.IntN(3) * g.IntN(12) {
		key := g.name()
		if g.IntN(2) == 0 {
			key += string(rune('a' + g.IntN(26)))
		}
		attrs = append(attrs, attribute.String(key, g.text), attribute.Int(key+"n", g.IntN(3)))
	}
	return attribute.NewSet(attrs...)
}

func (g *generator) value() float64 {
	switch g.IntN(20) {
	case 0:
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 0x1p360, -0x1p360}[g.IntN(6)]
	case 1:
		return math.Exp2(float64(g.IntN(700) - 350))
	}
	return float64(g.IntN(1000) - 300)
}

func (g *generator) counts() (counts []uint64, sum uint64) {
	counts = make([]uint64, g.IntN(5)*g.IntN(60))
	for i := range counts {
		counts[i] = uint64(g.IntN(3))
		sum += counts[i]
	}
	return counts, sum
}

func (g *generator) data() metricdata.Aggregation {
	temporality, at := metricdata.Temporality(1+g.IntN(2)), noon.Add(time.Duration(g.IntN(2000))*time.Millisecond)
	switch g.IntN(4) {
	case 0:
		return metricdata.Gauge[float64]{
			DataPoints: []metricdata.DataPoint[float64]{{Attributes: g.attributes(), Time: at, Value: g.value()}},
		}
	case 1:
		return metricdata.Sum[int64]{
			Temporality: temporality, IsMonotonic: g.IntN(2) == 0,
			DataPoints: []metricdata.DataPoint[int64]{{Attributes: g.attributes(), Time: at, Value: int64(g.IntN(9))}},
		}
	case 2:
		p := metricdata.HistogramDataPoint[float64]{Attributes: g.attributes(), Time: at, Sum: g.value()}
		p.BucketCounts, p.Count = g.counts()
		for i := range max(len(p.BucketCounts), 1) - 1 {
			p.Bounds = append(p.Bounds, float64(i-20))
		}
		return metricdata.Histogram[float64]{
			Temporality: temporality, DataPoints: []metricdata.HistogramDataPoint[float64]{p},
		}
	}
	p := metricdata.ExponentialHistogramDataPoint[float64]{Attributes: g.attributes(), Time: at, Sum: g.value()}
	p.Scale = int32(g.IntN(31) - 10)
	p.PositiveBucket.Counts, p.Count = g.counts()
	p.PositiveBucket.Offset = int32(g.IntN(200) - 100)
	p.ZeroCount = uint64(g.IntN(2))
	if g.IntN(2) == 0 {
		v := g.value()
		p.Min, p.Max = metricdata.NewExtrema(v), metricdata.NewExtrema(v+g.value())
	}
	p.NegativeBucket.Counts, _ = g.counts()
	return metricdata.ExponentialHistogram[float64]{
		Temporality: temporality, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{p},
	}
}

// FuzzLines asserts that every line of random metricdata is valid, that requests keep to their limit, and that lines
// have the numbers of the points: no series beyond the limit, and each point once.
func FuzzLines(f *testing.F) {
	f.Add(uint64(1), "x\"\n\xff", uint16(60000))
	f.Add(uint64(2), "", uint16(3000))
	for seed := range uint64(20) {
		f.Add(seed, "城 \x00"+string(make([]byte, seed*60)), uint16(20000+seed*2000))
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string, limit uint16) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), text: text[:min(len(text), 1500)]}
		const maxSeries = 7
		c := NewConverter(Config{MaxSeries: maxSeries})
		series := map[string]bool{}
		for range 2 {
			rm, count := collection(), 1+g.IntN(8)
			for range count {
				m := metricdata.Metrics{Name: g.name(), Unit: g.name(), Data: g.data()}
				rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics, m)
			}
			points, dropped := c.Points(rm)
			if len(points)+dropped > count {
				t.Errorf("%d points and %d dropped of %d", len(points), dropped, count)
			}
			checkLines(t, points, int(limit), series)
		}
		if len(series) > maxSeries {
			t.Errorf("%d series", len(series))
		}
	})
}

// checkLines encodes points in requests of at most limit bytes.
func checkLines(t *testing.T, points []Point, limit int, series map[string]bool) {
	e := NewEncoder(Format{Namespace: "fuzz", JSON: limit%2 == 0})()
	for len(points) > 0 {
		body, n := e.Append(nil, points, limit)
		if len(body) > limit {
			t.Errorf("%d bytes with limit %d", len(body), limit)
		}
		if n == 0 {
			points = points[1:]
			continue
		}
		var want, got float64
		for _, p := range points[:n] {
			if want++; p.Distribution != nil {
				want += float64(p.Distribution.Count) - 1
			}
		}
		for _, m := range parse(t, body) {
			if got++; m.Distribution != nil {
				got += *m.Distribution.Count - 1
			}
			if m.Dimensions[overflowKey] == "" {
				series[m.Name+fmt.Sprint(m.Dimensions)] = true
			}
		}
		if got != want {
			t.Errorf("%g values in lines, want %g", got, want)
		}
		points = points[n:]
	}
}
