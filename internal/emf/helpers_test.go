package emf

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/emf/lines"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// reports collects what a converter reports.
type reports struct{ keys, texts []string }

func (r *reports) add(key string, err error) {
	r.keys, r.texts = append(r.keys, key), append(r.texts, err.Error())
}

// want checks that the first report has all words.
func (r *reports) want(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		if len(r.texts) == 0 || !strings.Contains(r.texts[0], word) {
			t.Errorf("reported %q, want %s", r.texts, word)
		}
	}
}

// collection makes metricdata of metrics in one scope.
func collection(metrics ...metricdata.Metrics) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: metrics}}}
}

func gauge(name string, v float64, attrs ...attribute.KeyValue) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Data: metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{
		{Attributes: attribute.NewSet(attrs...), Time: noon, Value: v},
	}}}
}

func sum(name string, v int64, attrs ...attribute.KeyValue) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Data: metricdata.Sum[int64]{
		Temporality: metricdata.DeltaTemporality, IsMonotonic: true,
		DataPoints: []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(attrs...), Time: noon, Value: v}},
	}}
}

// encode returns the lines of points, each as a whole request.
func encode(t *testing.T, points []Point, f Format) []byte {
	t.Helper()
	e := NewEncoder(f)()
	var all []byte
	for len(points) > 0 {
		body, n := e.Append(nil, points, 1<<20)
		if n == 0 {
			t.Fatalf("%s does not fit", e.Describe(points[0]))
		}
		all, points = append(all, body...), points[n:]
	}
	return all
}

// parse returns the metrics of lines, all of which must be valid.
func parse(t *testing.T, body []byte) (metrics []lines.Metric) {
	t.Helper()
	for line := range bytes.Lines(body) {
		m, err := lines.Parse(line)
		if err != nil {
			t.Errorf("%v\n%.300s", err, line)
		}
		metrics = append(metrics, m...)
	}
	return metrics
}

// written converts and encodes a collection, and returns the metrics of its lines as text, one a line, sorted.
func written(t *testing.T, c *Converter, rm *metricdata.ResourceMetrics) string {
	t.Helper()
	points, _ := c.Points(rm)
	return describe(parse(t, encode(t, points, Format{Namespace: "shop"})))
}

// describe writes metrics as text: name[unit]{dimensions}=value.
func describe(metrics []lines.Metric) string {
	var all []string
	for _, m := range metrics {
		s := m.Name
		if m.Unit != "None" {
			s += "[" + m.Unit + "]"
		}
		if len(m.Dimensions) > 0 {
			s += strings.TrimPrefix(fmt.Sprint(m.Dimensions), "map")
		}
		if d := m.Distribution; d != nil {
			s += fmt.Sprintf("=%v×%v min %v max %v sum %v", d.Values, d.Counts, *d.Min, *d.Max, *d.Sum)
		} else {
			s += fmt.Sprintf("=%v", m.Value)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
