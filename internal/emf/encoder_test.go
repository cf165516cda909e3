package emf

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func TestLine(t *testing.T) {
	a := attribute.NewSet(str("a", `"1"`), str("b", "2"))
	at := noon.Add(1500 * time.Microsecond)
	points := []Point{
		{Name: "n", Attributes: a, Time: at, Value: 2, Unit: "Count"},
		{Name: "d", Attributes: a, Time: at, Distribution: sample(0.5, 2)},
		{Name: "g", Time: at, Value: -1e-9},
	}
	const head = `"_aws":{"Timestamp":1782907200001,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":`
	const first = head + `[["a","b"]],"Metrics":[{"Name":"n","Unit":"Count","StorageResolution":60},` +
		`{"Name":"d","StorageResolution":60}]}]},"a":"\"1\"","b":"2",` +
		`"n":2,"d":{"Values":[0.5,2],"Counts":[2,2],"Max":2,"Min":0.5,"Count":4,"Sum":5}}` + "\n"
	const second = head + `[[]],"Metrics":[{"Name":"g","StorageResolution":60}]}]},"g":-1e-09}` + "\n"
	const time = `"timestamp":"2026-07-01T12:00:00.001Z",`
	for _, c := range []struct {
		format Format
		log    string
	}{
		{Format{Namespace: "shop"}, ""},
		{Format{Namespace: "shop", LogLevel: "ERROR"}, ""},
		{Format{Namespace: "shop", JSON: true}, time + `"level":"INFO",`},
		{Format{Namespace: "shop", JSON: true, LogLevel: "DEBUG"}, time + `"level":"INFO",`},
		{Format{Namespace: "shop", JSON: true, LogLevel: "warn"}, time + `"level":"WARN",`},
	} {
		got := string(encode(t, points, c.format))
		if want := "{" + c.log + first + "{" + c.log + second; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		parse(t, []byte(got))
	}
}

// TestLimitsOfLines: each case needs more than one line.
func TestLimitsOfLines(t *testing.T) {
	wide := strings.Repeat("x", 1000)
	var metrics, large, distributions []Point
	for i := range 250 {
		p := Point{Name: fmt.Sprintf("m%d", i), Time: noon}
		metrics = append(metrics, p)
		p.Attributes = attribute.NewSet(str("i", strconv.Itoa(i)+wide))
		large = append(large, p)
	}
	var values []float64
	for i := range 250 {
		values = append(values, 1e15/7*float64(i+1))
	}
	for i := range 30 {
		p := Point{Name: fmt.Sprintf("m%d", i), Time: noon, Distribution: sample(values[:100]...)}
		distributions = append(distributions, p)
	}
	split := []Point{metrics[0], {Name: "s", Time: noon, Distribution: sample(values...)}, metrics[1]}
	for name, c := range map[string]struct {
		points []Point
		lines  int
	}{
		"metrics":       {metrics, 3},
		"bytes":         {distributions, 2},
		"dimensions":    {large, 250},
		"values":        {split, 5},
		"another kind":  {[]Point{{Name: "m", Time: noon}, {Name: "m", Time: noon, latest: true}}, 2},
		"another time":  {[]Point{{Name: "m", Time: noon}, {Name: "n", Time: noon.Add(time.Second)}}, 2},
		"one line only": {metrics[:100], 1},
	} {
		t.Run(name, func(t *testing.T) {
			body := encode(t, c.points, Format{Namespace: "n", JSON: true})
			parse(t, body)
			if got := bytes.Count(body, []byte("\n")); got != c.lines {
				t.Errorf("%d lines, want %d", got, c.lines)
			}
		})
	}
	e := NewEncoder(Format{Namespace: "n"})()
	for limit := 0; limit < 12_000; limit += 97 {
		body, n := e.Append([]byte("kept"), split, limit)
		if len(body)-4 > limit || !bytes.HasPrefix(body, []byte("kept")) || n == 0 && len(body) != 4 {
			t.Errorf("limit %d: %d bytes, %d points", limit, len(body), n)
		}
	}
}

// BenchmarkCollection converts and encodes ten metrics with two attributes.
func BenchmarkCollection(b *testing.B) {
	rm := collection()
	for i := range 10 {
		rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics,
			sum(fmt.Sprintf("metric.%d", i), int64(i), str("http.route", "/orders/{id}"), str("http.request.method", "GET")))
	}
	c, e := NewConverter(Config{MaxSeries: 100}), NewEncoder(Format{Namespace: "shop"})()
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		points, _ := c.Points(rm)
		body, _ = e.Append(body[:0], points, maxLine)
	}
}
