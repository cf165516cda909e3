package otelx_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// meters collects the metrics of the export.
type meters struct{ reader *sdkmetric.ManualReader }

func newMeters() (*meters, otelx.Option) {
	reader := sdkmetric.NewManualReader()
	return &meters{reader}, otelx.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
}

// collect returns all metrics by name, without the prefix of SDK metrics.
func (m *meters) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := m.reader.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	out := map[string]metricdata.Metrics{}
	for _, scope := range data.ScopeMetrics {
		if scope.Scope.Name != "github.com/epilogue-go/epilogue/otelx" {
			t.Errorf("scope %q", scope.Scope.Name)
		}
		for _, metric := range scope.Metrics {
			out[strings.TrimPrefix(metric.Name, "otel.sdk.")] = metric
		}
	}
	return out
}

// figures returns the values of a collection, by name of the metric and its error type or state, if any. A histogram has
// its number of values and their sum in milliseconds. Zeros with an error type or state are left out.
func (m *meters) figures(t *testing.T) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for name, metric := range m.collect(t) {
		switch data := metric.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				out[name+kind(p.Attributes)] = p.Value
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				out[name+kind(p.Attributes)+" count"] = int64(p.Count)
				out[name+kind(p.Attributes)+" ms"] = int64(p.Sum*1000 + 0.5)
			}
		default:
			t.Errorf("%s is a %T", name, data)
		}
	}
	maps.DeleteFunc(out, func(name string, n int64) bool { return n == 0 && strings.Contains(name, "{") })
	return out
}

func kind(set attribute.Set) string {
	for _, key := range []attribute.Key{"error.type", "epilogue.breaker.state"} {
		if v, ok := set.Value(key); ok {
			return "{" + v.AsString() + "}"
		}
	}
	return ""
}

// exporterAttribute returns an attribute of the exporter's metrics as text.
func (m *meters) exporterAttribute(t *testing.T, key attribute.Key) string {
	t.Helper()
	sum, _ := m.collect(t)["exporter.span.exported"].Data.(metricdata.Sum[int64])
	v, _ := sum.DataPoints[0].Attributes.Value(key)
	return v.String()
}

// want compares the figures whose names keep accepts.
func (m *meters) want(t *testing.T, want map[string]int64, keep func(name string) bool) {
	t.Helper()
	got := m.figures(t)
	maps.DeleteFunc(got, func(name string, _ int64) bool { return !keep(name) })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got)\n%s", diff)
	}
}

// Each fate of a span is in the figures, and they add up as Stats does.
func TestMetricsShowEachFate(t *testing.T) {
	otelerr.Discard(t)
	m, option := newMeters()
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 400}, otlpreceiver.Fault{Status: 413}, otlpreceiver.Fault{Rejected: 1},
			otlpreceiver.Fault{Status: 503}, otlpreceiver.Fault{})
		for range 4 { // one is sent twice
			f.end("a")
			_ = f.flush(time.Second)
		}
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("b", "b", "b", "b", "b") // half of the queue: an export begins
		synctest.Wait()
		f.end("c", "c", "c", "c", "c", "d", "d") // the oldest two that wait give way
		_ = f.flush(500 * ms)
		synctest.Wait()
		f.wantCounts(spanCounts{ended: 16, exported: 1, pending: 10, dropped: otelx.Dropped{TooLarge: 1, Refused: 1, Rejected: 1, QueueFull: 2}})
		m.want(f.T, map[string]int64{
			"processor.span.queue.size": 10, "processor.span.queue.capacity": 10, "exporter.span.inflight": 0,
			"processor.span.processed": 1, "processor.span.processed{rejected}": 1, "processor.span.processed{queue_full}": 2,
			"processor.span.processed{refused}": 1, "processor.span.processed{too_large}": 1,
			"exporter.span.exported": 1, "exporter.span.exported{rejected}": 1,
			"exporter.span.exported{refused}": 1, "exporter.span.exported{too_large}": 1,
			"exporter.operation.duration count": 1, "exporter.operation.duration{rejected} count": 1,
			"exporter.operation.duration{refused} count": 1, "exporter.operation.duration{too_large} count": 1,
			"exporter.operation.duration{timeout} count": 1,
			"epilogue.breaker.state{half-open}":          1,
			"epilogue.flush.duration count":              1, "epilogue.flush.duration{dropped} count": 3, "epilogue.flush.duration{timeout} count": 1,
		}, func(name string) bool { return !strings.HasSuffix(name, " ms") })
		f.works()
	}, option, otelx.WithMaxQueueSize(10), otelx.WithMaxExportBatchSize(10))
}

// An export is one measurement however often its request is repeated: from the first attempt to the end of the last one, whose
// status and cause it has.
func TestMetricsHaveOneDurationForEachExport(t *testing.T) {
	m, option := newMeters()
	contract(t, func(f *fixture) {
		unavailable := otlpreceiver.Fault{Status: 503, Delay: 100 * ms}
		f.backend.FailNext(unavailable, unavailable, otlpreceiver.Fault{Delay: 100 * ms}, otlpreceiver.Fault{Status: 400})
		f.end("a")
		f.mustFlush(2*time.Second, time.Second)
		f.end("b")
		_ = f.flush(time.Second)
		f.fails(unavailable)
		f.end("c")
		_ = f.flush(time.Second)
		f.fails(otlpreceiver.Fault{Cut: otlpreceiver.BeforeRead})
		f.end("d")
		_ = f.shutdown(300 * ms)
		durations, _ := m.collect(f.T)["exporter.operation.duration"].Data.(metricdata.Histogram[float64])
		got := map[string]uint64{}
		for _, p := range durations.DataPoints {
			status, _ := p.Attributes.Value("http.response.status_code")
			got[status.String()+kind(p.Attributes)] += p.Count
			if status.AsInt64() == 200 && (p.Sum < 0.3 || p.Sum > 0.5) {
				f.Errorf("three attempts of 100 ms took %v s", p.Sum)
			}
			if bounds := p.Bounds; bounds[0] != 0.001 || bounds[len(bounds)-1] != 30 {
				f.Errorf("buckets %v, want those of New's advice", bounds)
			}
		}
		if diff := gocmp.Diff(map[string]uint64{"200": 1, "400{refused}": 1, "503{unavailable}": 1, "{unavailable}": 1}, got); diff != "" {
			f.Errorf("exports by status (-want +got)\n%s", diff)
		}
	}, option)
}

// A flush lasts as long as its caller waits, and an attempt as long as the exporter works. Both say why they failed.
func TestMetricsOfDurations(t *testing.T) {
	m, option := newMeters()
	x := new(custom)
	withCustom(t, x, func(f *fixture) {
		x.export = func(ctx context.Context, _ []string) error { <-ctx.Done(); return ctx.Err() }
		f.end("a", "b")
		first := async(func() outcome { return f.flush(200 * ms) })
		if n := m.figures(f.T)["exporter.span.inflight"]; n != 2 {
			f.Errorf("%d spans with the exporter, want 2", n)
		}
		<-first
		synctest.Wait()
		x.export = nil
		f.mustFlush(time.Second, 0)
		x.export = func(context.Context, []string) error { return errors.New("disk full") }
		f.end("c")
		_ = f.flush(time.Second)
		m.want(f.T, map[string]int64{
			"epilogue.flush.duration{timeout} count": 1, "epilogue.flush.duration{timeout} ms": 200,
			"epilogue.flush.duration{undelivered} count": 1, "epilogue.flush.duration count": 1, "epilogue.flush.duration ms": 0,
			"exporter.operation.duration{timeout} count": 1, "exporter.operation.duration{timeout} ms": 200,
			"exporter.operation.duration{_OTHER} count": 1, "exporter.operation.duration count": 1, "exporter.operation.duration ms": 0,
		}, func(name string) bool { return strings.Contains(name, "duration") })
	}, option)
}

// The state of the breaker is that of Stats.
func TestMetricsOfTheBreaker(t *testing.T) {
	m, option := newMeters()
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a")
		seen := map[string]int64{}
		look := func() {
			for name, n := range m.figures(f.T) {
				if state, ok := strings.CutPrefix(name, "epilogue.breaker.state"); ok {
					seen[state] += n
				}
			}
			if state := "{" + f.sdk.Stats().Breaker + "}"; seen[state] == 0 {
				f.Errorf("state %s is not in the metrics: %v", state, seen)
			}
		}
		look()
		for range 3 { // the second sends a probe; the third finds the breaker open
			_ = f.flush(time.Second)
			look()
		}
		if diff := gocmp.Diff(map[string]int64{"{closed}": 1, "{half-open}": 1, "{open}": 2}, seen); diff != "" {
			f.Errorf("states seen (-want +got)\n%s", diff)
		}
	}, option)
}

// The first collection after Shutdown has the final counts, with the spans that have ended since, and later ones have none.
func TestMetricsEndWithTheFinalCounts(t *testing.T) {
	m, option := newMeters()
	contract(t, func(f *fixture) {
		f.end("a", "b")
		if o := f.shutdown(time.Second); o.err != nil {
			f.Error(o.err)
		}
		f.end("late")
		if got := m.figures(f.T); got["processor.span.processed"] != 2 || got["processor.span.processed{already_shutdown}"] != 1 {
			f.Errorf("at the end %v, want 2 spans processed and one after Shutdown", got)
		}
		synctest.Wait()
		got := m.collect(f.T)
		delete(got, "exporter.operation.duration") // the provider keeps histograms
		if len(got) != 0 {
			f.Errorf("still reported: %v", slices.Collect(maps.Keys(got)))
		}
	}, option)
}

// Names, units and attributes are those of the semantic conventions.
func TestMetricsFollowTheConventions(t *testing.T) { synctest.Test(t, checkConventions) } // New waits 100 ms for the provider

func checkConventions(t *testing.T) {
	m, option := newMeters()
	s, err := newSDK(t, option, environ("OTEL_EXPORTER_OTLP_ENDPOINT=https://user:secret@collector.example.com/otlp"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	units := map[string]string{}
	for name, metric := range m.collect(t) {
		units[name] = metric.Unit
		if sum, ok := metric.Data.(metricdata.Sum[int64]); ok {
			checkComponent(t, name, sum.DataPoints[0].Attributes)
		}
	}
	if diff := gocmp.Diff(map[string]string{
		"processor.span.queue.size": "{span}", "processor.span.queue.capacity": "{span}", "processor.span.processed": "{span}",
		"exporter.span.inflight": "{span}", "exporter.span.exported": "{span}", "epilogue.flush.duration": "s",
		"epilogue.breaker.state": "",
	}, units); diff != "" {
		t.Errorf("units (-want +got)\n%s", diff)
	}
}

func checkComponent(t *testing.T, metric string, got attribute.Set) {
	t.Helper()
	want := map[attribute.Key]string{
		"otel.component.type": "github.com/epilogue-go/epilogue/otelx.", "otel.component.name": "github.com/epilogue-go/epilogue/otelx.",
		"server.address": "", "server.port": "",
	}
	if strings.HasPrefix(metric, "exporter.") {
		want = map[attribute.Key]string{
			"otel.component.type": "otlp_http_span_exporter", "otel.component.name": "otlp_http_span_exporter/",
			"server.address": "collector.example.com", "server.port": "443",
		}
	}
	for key, prefix := range want {
		v, found := got.Value(key)
		if found != (prefix != "") || found && !strings.HasPrefix(v.String(), prefix) {
			t.Errorf("%s: %s = %q, want %q", metric, key, v.String(), prefix)
		}
	}
}

// nullSender is a backend's sender that accepts everything.
type nullSender struct{}

func (nullSender) Limits() delivery.Limits { return delivery.Limits{Requests: 1} }
func (nullSender) Close() error            { return nil }
func (nullSender) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	return delivery.Result{}, nil
}

// An endpoint without a port has the default port of its scheme. A custom exporter is named by its type.
func TestMetricsNameTheExporter(t *testing.T) {
	for endpoint, want := range map[string]string{"http://c.example.com/v1/traces": "80", "http://c.example.com:4318": "4318"} {
		m, option := newMeters()
		contract(t, func(f *fixture) {
			if port := m.exporterAttribute(f.T, "server.port"); port != want {
				f.Errorf("%s: server.port = %s, want %s", endpoint, port, want)
			}
		}, option, otelx.WithEndpoint(endpoint))
	}
	for _, o := range []otelx.Option{
		otelx.WithExporter(nullExporter{}), otelx.WithExporter(&nullExporter{}), config.WithSender(nullSender{}),
	} {
		m, option := newMeters()
		var got string
		contract(t, func(f *fixture) { got = m.exporterAttribute(f.T, "otel.component.name") }, option, o)
		if !strings.HasPrefix(got, "github.com/epilogue-go/epilogue/otelx_test.null") {
			t.Errorf("otel.component.name = %q", got)
		}
	}
}
