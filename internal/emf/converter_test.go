package emf

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func str(key, value string) attribute.KeyValue { return attribute.String(key, value) }

// many returns n attributes with names that sort in their order.
func many(n int) (attrs []attribute.KeyValue) {
	for i := range n {
		attrs = append(attrs, attribute.Int(fmt.Sprintf("d%02d", i), i))
	}
	return attrs
}

// TestDimensions: which metric a data point belongs to.
func TestDimensions(t *testing.T) {
	type metrics = []metricdata.Metrics
	long, smile := strings.Repeat("x", 2000), "\U0001f600"
	for _, c := range []struct {
		name     string
		selected []string
		metrics  metrics
		want     string
		reports  string // keys
	}{
		{
			name: "attributes of every kind",
			metrics: metrics{gauge("m", 1, str("s", "a"), attribute.Bool("b", true), attribute.Int("i", -7),
				attribute.Float64("f", .5), attribute.StringSlice("l", []string{"x", "y"}))},
			want: `m[b:true f:0.5 i:-7 l:["x","y"] s:a]=1`,
		},
		{name: "empty and blank", metrics: metrics{gauge("m", 1, str("a", ""), str("b", " "), str(" ", "c"))}, want: "m=1"},
		{
			name: "selected", selected: []string{"b", "z"},
			metrics: metrics{sum("n", 1, str("a", "1"), str("b", "2")), sum("m", 1, str("a", "1"))}, want: "m=1\nn[b:2]=1",
		},
		{
			name: "coincident", selected: []string{},
			metrics: metrics{
				sum("n", 1, str("a", "1")), gauge("g", 1, str("a", "1")),
				sum("n", 2, str("a", "2")), gauge("g", 2, str("a", "2")),
			},
			want: "g=2\nn=3",
		},
		{name: "a sum and a gauge", metrics: metrics{gauge("n", 1), sum("n", 2)}, want: "n=1\nn=2"},
		{
			name: "names that occur twice",
			metrics: metrics{gauge("m", 1, str("m", "1"), str("_aws", "2"), str("level", "3"), str("timestamp", "4"),
				str("attr.m", "5"), str(":c", "6"))},
			want: "m[attr.:c:6 attr._aws:2 attr.attr.m:1 attr.level:3 attr.m:5 attr.timestamp:4]=1",
		},
		{
			name: "a metric with a reserved name", metrics: metrics{gauge("level", 1, str("attr.level", "x"))},
			want: "attr.level[attr.attr.level:x]=1", reports: "reserved name",
		},
		{
			name: "too long", metrics: metrics{gauge(long, 1, str(long, long))},
			want:    long[:255] + "[" + long[:250] + ":" + long[:1024] + "]=1",
			reports: "long name long dimension value long dimension name",
		},
		{
			name: "characters beyond the BMP", metrics: metrics{gauge(strings.Repeat(smile, 128), 1)},
			want: strings.Repeat(smile, 127) + "=1", reports: "long name",
		},
		{name: "not ASCII", metrics: metrics{gauge("m", 1, str("città", "Köln\x00\xff"))}, want: "m[citt?:K?ln??]=1"},
		{
			name: "30 dimensions", metrics: metrics{gauge("m", 1, append(many(40), str("a", ""))...)},
			want: "m" + dims(30) + "=1", reports: "too many dimensions",
		},
		{
			name: "the SDK's overflow", selected: []string{"a"},
			metrics: metrics{sum("n", 1, attribute.Bool(overflowKey, true))}, want: "n[otel.metric.overflow:true]=1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said reports
			converter := NewConverter(Config{Dimensions: c.selected, MaxSeries: 100, Report: said.add})
			if got := written(t, converter, collection(c.metrics...)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if keys := strings.Join(said.keys, " "); keys != c.reports {
				t.Errorf("reported %q, want %q", keys, c.reports)
			}
		})
	}
}

// dims is the text of the first n dimensions of many.
func dims(n int) string {
	var all []string
	for _, kv := range many(n) {
		all = append(all, fmt.Sprintf("%s:%s", kv.Key, kv.Value.String()))
	}
	return "[" + strings.Join(all, " ") + "]"
}

// TestSeries: the limit holds for a process, and the rest is merged by metric.
func TestSeries(t *testing.T) {
	var said reports
	c := NewConverter(Config{MaxSeries: 2, Report: said.add})
	for range 2 {
		got := written(t, c, collection(
			sum("a", 1, str("u", "1")), sum("b", 1), sum("a", 10, str("u", "2")), sum("a", 20, str("u", "3")), gauge("g", 7),
		))
		const want = "a[otel.metric.overflow:true]=30\na[u:1]=1\nb=1\ng[otel.metric.overflow:true]=7"
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	said.want(t, `"a"`, "EPILOGUE_EMF_MAX_SERIES")
	if len(said.texts) != 1 {
		t.Errorf("reported %q", said.texts)
	}
}

// TestPointsThatCloudWatchRefuses are dropped and counted; the others stay.
func TestPointsThatCloudWatchRefuses(t *testing.T) {
	var said reports
	c := NewConverter(Config{MaxSeries: 1, Report: said.add})
	empty := metricdata.Metrics{Name: "h", Data: metricdata.Histogram[float64]{
		Temporality: metricdata.DeltaTemporality, DataPoints: make([]metricdata.HistogramDataPoint[float64], 1),
	}}
	summaries := func(n int) metricdata.Metrics {
		return metricdata.Metrics{Name: "s", Data: metricdata.Summary{DataPoints: make([]metricdata.SummaryDataPoint, n)}}
	}
	points, dropped := c.Points(collection(
		gauge("nan", math.NaN()), gauge("inf", math.Inf(-1)), gauge("large", 0x1p360), gauge("", 1), empty, summaries(2),
		gauge("ok", -0x1.8p359), metricdata.Metrics{Name: "none"}, summaries(0),
	))
	if len(points) != 1 || points[0].Name != "ok" || dropped != 7 {
		t.Errorf("%d points, %d dropped; want 1 and 7", len(points), dropped)
	}
	if got := strings.Join(said.keys, " "); got != "no value refused summary" {
		t.Errorf("reported %q", got)
	}
	points, dropped = c.Points(collection(gauge("ok", 0x1.8p359), gauge("ok", 1)))
	if len(points) != 1 || dropped != 0 {
		t.Errorf("%v, %d dropped", points, dropped)
	}
	large := metricdata.Metrics{Name: "ok", Data: metricdata.Sum[float64]{
		Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.DataPoint[float64]{{Value: 0x1.8p359}},
	}}
	if points, dropped := c.Points(collection(large, large)); len(points) != 0 || dropped != 1 {
		t.Errorf("a sum of 2^360: %v, %d dropped", points, dropped)
	}
}

// TestTimes: the points of a collection share a time, unless a producer gives an old one.
func TestTimes(t *testing.T) {
	at := func(name string, at time.Time) metricdata.Metrics {
		m := gauge(name, 1)
		m.Data.(metricdata.Gauge[float64]).DataPoints[0].Time = at
		return m
	}
	points, _ := NewConverter(Config{MaxSeries: 9}).Points(collection(
		at("a", noon), at("b", noon.Add(700*time.Millisecond)), at("c", noon.Add(-time.Minute)), at("d", time.Time{}),
	))
	const late = 700 * time.Millisecond
	for i, want := range []time.Duration{late, late, -time.Minute, late} {
		if got := points[i].Time.Sub(noon); got != want {
			t.Errorf("%s: %v, want %v", points[i].Name, got, want)
		}
	}
	if got := strings.Count(string(encode(t, points, Format{Namespace: "n"})), "\n"); got != 3 {
		t.Errorf("%d lines", got)
	}
}

// TestCumulative: points of producers become deltas.
func TestCumulative(t *testing.T) {
	c := NewConverter(Config{MaxSeries: 9})
	start := noon.Add(-time.Hour)
	collect := func(start time.Time, value float64, buckets ...uint64) string {
		var count uint64
		for _, n := range buckets {
			count += n
		}
		return written(t, c, collection(
			metricdata.Metrics{Name: "n", Data: metricdata.Sum[float64]{
				Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
				DataPoints: []metricdata.DataPoint[float64]{{StartTime: start, Time: noon, Value: value}},
			}},
			metricdata.Metrics{Name: "h", Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.HistogramDataPoint[float64]{{
					StartTime: start, Time: noon, Sum: value, Count: count, Bounds: []float64{0, 10}, BucketCounts: buckets,
				}},
			}},
		))
	}
	for i, step := range []struct{ got, want string }{
		{collect(start, 5, 0, 1, 0), "h=[5]×[1] min 5 max 5 sum 5\nn=5"},
		{collect(start, 5, 0, 1, 0), "n=0"},
		{collect(start, 40, 0, 2, 2), "h=[5 10]×[1 2] min 5 max 10 sum 35\nn=35"},
		{collect(start, 1, 1, 0, 0), "h=[0]×[1] min 0 max 0 sum 1\nn=1"},
		{collect(noon, 9, 1, 1, 0), "h=[0 5]×[1 1] min 0 max 5 sum 9\nn=9"},
	} {
		if step.got != step.want {
			t.Errorf("collection %d: got\n%s\nwant\n%s", i+1, step.got, step.want)
		}
	}
	var said reports
	c = NewConverter(Config{MaxSeries: 9, Report: said.add})
	points := make([]metricdata.DataPoint[int64], maxCumulative+3)
	for i := range points {
		points[i].Attributes = attribute.NewSet(attribute.Int("i", i))
	}
	_, dropped := c.Points(collection(
		metricdata.Metrics{Name: "n", Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality, IsMonotonic: true, DataPoints: points,
		}},
		metricdata.Metrics{Name: "e", Data: metricdata.ExponentialHistogram[int64]{
			Temporality: metricdata.CumulativeTemporality,
			DataPoints:  make([]metricdata.ExponentialHistogramDataPoint[int64], 2),
		}},
	))
	if dropped != 5 || len(said.keys) != 3 {
		t.Errorf("%d dropped; reported %q", dropped, said.texts)
	}
}

func TestUnits(t *testing.T) {
	for unit, want := range map[string]string{
		"": "", "s": "Seconds", "ms": "Milliseconds", "us": "Microseconds", "ns": "", "By": "Bytes", "MBy": "Megabytes",
		"KiBy": "", "bit/s": "Bits/Second", "1": "Count", "%": "Percent", "{request}": "Count",
		"{request}/s": "Count/Second", "By{sent}": "Bytes", "1/s": "Count/Second", "Milliseconds": "Milliseconds",
		"None": "", "furlong": "", "{": "", "{}": "Count",
	} {
		if got := cloudWatchUnit(unit); got != want {
			t.Errorf("%q: got %q, want %q", unit, got, want)
		}
	}
}

func TestNamespace(t *testing.T) {
	for name, ok := range map[string]bool{
		"shop": true, "My App/orders#1": true, "": false, " ": false, "AWS/Lambda": false, ":a": false, "a\n": false,
		"é":                      false,
		strings.Repeat("x", 255): true, strings.Repeat("x", 256): false,
	} {
		if err := CheckNamespace(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for service, want := range map[string]string{
		"orders": "orders", "unknown_service:main": "unknown_service:main", "città!": "citt__", "": "default",
		"::": "default", "AWS/Lambda": "AWS_Lambda", "日本": "__", strings.Repeat("x", 999): strings.Repeat("x", 255),
	} {
		if got := DefaultNamespace(service); got != want || CheckNamespace(got) != nil {
			t.Errorf("%q: got %q, want %q", service, got, want)
		}
	}
}
