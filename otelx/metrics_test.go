package otelx

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// startMeasured is start with a meter provider.
func startMeasured(t *testing.T, x exporter, s sized, p metric.MeterProvider) *SDK {
	t.Helper()
	c := newConfig(func(string) string { return "" }, []Option{WithMeterProvider(p)})
	env := otelenv.New(c.getenv)
	bound := pick(s.bound, 1000)
	x, m := c.measure(env, x, bound)
	if err := errors.Join(env.Errs()...); err != nil {
		t.Fatal(err)
	}
	sdk := start(x, s)
	m.observe(sdk.processor.loop.stats)
	sdk.processor.metrics = m
	return sdk
}

// figures are what a collection has, by name of the metric and its error type or state, if any; of histograms the number of
// values and their sum in milliseconds. Attributes that are the component's are left out.
func figures(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for name, m := range collect(t, reader) {
		switch data := m.Data.(type) {
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
	for _, key := range []attribute.Key{"error.type", breakerState} {
		if v, ok := set.Value(key); ok {
			return "{" + v.AsString() + "}"
		}
	}
	return ""
}

// collect returns all metrics by name, without the SDK's prefix.
func collect(t *testing.T, reader *sdkmetric.ManualReader) map[string]metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	out := map[string]metricdata.Metrics{}
	for _, scope := range data.ScopeMetrics {
		if scope.Scope.Name != meterName {
			t.Errorf("scope %q", scope.Scope.Name)
		}
		for _, m := range scope.Metrics {
			out[strings.TrimPrefix(m.Name, "otel.sdk.")] = m
		}
	}
	return out
}

func newReader() (*sdkmetric.ManualReader, *sdkmetric.MeterProvider) {
	reader := sdkmetric.NewManualReader()
	return reader, sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
}

// Every way a span can go is in the figures, and they add up as the account does.
func TestMetricsTellTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, provider := newReader()
		x := &fakeExporter{}
		s := startMeasured(t, x, sized{bound: 10, batch: 10}, provider)
		release := x.hold()
		end(s, series(5)...) // half of the buffer: an export begins
		synctest.Wait()
		end(s, series(7)...) // two of them for the two oldest
		x.answer(
			outcome{n: 2, verdict: refused, err: errDown},
			outcome{n: 1, verdict: tooLarge, err: errDown},
			outcome{n: 2, rejected: 1},
			outcome{verdict: retry, err: errDown},
			outcome{n: 4},
			outcome{verdict: keep, err: errDown},
		)
		time.AfterFunc(time.Millisecond, release)
		if err := s.ForceFlush(within(t, time.Second)); err == nil {
			t.Error("ForceFlush reported nothing")
		}
		want := map[string]int64{
			"processor.span.queue.size": 1, "processor.span.queue.capacity": 10, "exporter.span.inflight": 0,
			"processor.span.processed": 5, "processor.span.processed{queue_full}": 2, "processor.span.processed{rejected}": 1,
			"processor.span.processed{refused}": 2, "processor.span.processed{too_large}": 1,
			"exporter.span.exported": 5, "exporter.span.exported{rejected}": 1,
			"exporter.span.exported{refused}": 2, "exporter.span.exported{too_large}": 1,
			"exporter.operation.duration count": 1, "exporter.operation.duration{rejected} count": 1,
			"exporter.operation.duration{refused} count": 1, "exporter.operation.duration{too_large} count": 1,
			"exporter.operation.duration{unavailable} count": 1, "exporter.operation.duration{_OTHER} count": 1,
			"epilogue.breaker.state{closed}":         1,
			"epilogue.flush.duration{dropped} count": 1,
		}
		got := figures(t, reader)
		maps.DeleteFunc(got, func(name string, _ int64) bool { return strings.HasSuffix(name, " ms") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("figures (-want +got)\n%s", diff)
		}
		if st := s.Stats(); st.Pending != 1 || st.Exported != 5 {
			t.Errorf("Stats() = %+v", st)
		}
		_ = s.Shutdown(within(t, time.Second))
	})
}

// A flush is as long as its caller has waited, and says why if it was in vain; an attempt likewise.
func TestMetricsOfDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, provider := newReader()
		x := &fakeExporter{}
		s := startMeasured(t, x, sized{}, provider)
		release := x.hold()
		end(s, "a", "b")
		go func() {
			time.Sleep(30 * time.Millisecond)
			if n := figures(t, reader)["exporter.span.inflight"]; n != 2 {
				t.Errorf("%d spans with the exporter; want 2", n)
			}
		}()
		_ = s.ForceFlush(within(t, 200*time.Millisecond))
		synctest.Wait()
		release()
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		x.answer(outcome{verdict: keep, err: errDown})
		end(s, "c")
		_ = s.ForceFlush(within(t, time.Second))
		want := map[string]int64{
			"epilogue.flush.duration{timeout} count": 1, "epilogue.flush.duration{timeout} ms": 200,
			"epilogue.flush.duration{undelivered} count": 1, "epilogue.flush.duration count": 1, "epilogue.flush.duration ms": 0,
			"exporter.operation.duration{timeout} count": 1, "exporter.operation.duration{timeout} ms": 200,
			"exporter.operation.duration{_OTHER} count": 1, "exporter.operation.duration count": 1, "exporter.operation.duration ms": 0,
		}
		got := figures(t, reader)
		maps.DeleteFunc(got, func(name string, _ int64) bool { return !strings.Contains(name, "duration") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("durations (-want +got)\n%s", diff)
		}
		_ = s.Shutdown(within(t, time.Second))
	})
}

// The breaker's state is the one that Stats has.
func TestMetricsOfTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, provider := newReader()
		x := &fakeExporter{}
		for range 20 {
			x.answer(outcome{verdict: retry, err: errDown})
		}
		s := startMeasured(t, x, sized{}, provider)
		end(s, "a")
		seen := map[string]int64{}
		note := func() {
			for name, n := range figures(t, reader) {
				if state, ok := strings.CutPrefix(name, breakerState); ok {
					seen[state] += n
				}
			}
		}
		note()
		for range 3 { // the second is a probe; after that there are pauses
			_ = s.ForceFlush(within(t, time.Second))
			note()
		}
		want := map[string]int64{"{closed}": 1, "{half-open}": 1, "{open}": 2}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("states seen (-want +got)\n%s", diff)
		}
		_ = s.Shutdown(within(t, time.Second))
	})
}

// After Shutdown the next collection has the final counts, and none after it has any.
func TestMetricsEndWithTheFinalCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, provider := newReader()
		s := startMeasured(t, &fakeExporter{}, sized{}, provider)
		end(s, "a", "b")
		if err := s.Shutdown(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		if n := figures(t, reader)["processor.span.processed"]; n != 2 {
			t.Errorf("%d spans processed at the end; want 2", n)
		}
		synctest.Wait()
		got := collect(t, reader)
		delete(got, "exporter.operation.duration") // a histogram is the provider's own
		if len(got) != 0 {
			t.Errorf("still reported: %v", slices.Collect(maps.Keys(got)))
		}
	})
}

// Names, units and attributes are those of the conventions.
func TestMetricsFollowTheConventions(t *testing.T) {
	reader, provider := newReader()
	s, err := New(context.Background(), WithMeterProvider(provider), WithGetenv(func(key string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:secret@collector.example.com/otlp"}[key]
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ForceFlush(context.Background()); err != nil {
		t.Error(err)
	}
	units := map[string]string{}
	for name, m := range collect(t, reader) {
		units[name] = m.Unit
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
			checkComponent(t, name, sum.DataPoints[0].Attributes)
		}
	}
	want := map[string]string{
		"processor.span.queue.size": "{span}", "processor.span.queue.capacity": "{span}", "processor.span.processed": "{span}",
		"exporter.span.inflight": "{span}", "exporter.span.exported": "{span}", "epilogue.flush.duration": "s",
		"epilogue.breaker.state": "",
	}
	if diff := cmp.Diff(want, units); diff != "" {
		t.Errorf("units (-want +got)\n%s", diff)
	}
	_ = s.Shutdown(context.Background())
}

func checkComponent(t *testing.T, metric string, got attribute.Set) {
	t.Helper()
	for key, want := range map[attribute.Key]string{
		"otel.component.type": "otlp_http_span_exporter", "otel.component.name": "otlp_http_span_exporter/",
		"server.address": "collector.example.com", "server.port": "443",
	} {
		v, found := got.Value(key)
		exporters := strings.HasPrefix(metric, "exporter.")
		switch {
		case !exporters && strings.HasPrefix(string(key), "server."):
			if found {
				t.Errorf("%s has %s", metric, key)
			}
		case !exporters:
			if text := v.String(); !strings.HasPrefix(text, processorType) {
				t.Errorf("%s: %s = %q", metric, key, text)
			}
		case !strings.HasPrefix(v.String(), want):
			t.Errorf("%s: %s = %q, want %q", metric, key, v.String(), want)
		}
	}
}

// An exporter of the user's is named by its type.
func TestMetricsNameAForeignExporter(t *testing.T) {
	c := newConfig(func(string) string { return "" }, nil)
	for _, x := range []exporter{customExporter{nullExporter{}}, customExporter{&nullExporter{}}} {
		want := "github.com/epilogue-go/epilogue/otelx.nullExporter/7"
		if got := c.exporterComponent(x, 7)[0].Value.AsString(); got != want {
			t.Errorf("otel.component.name = %q, want %q", got, want)
		}
	}
}

// Without the option there is nothing of it.
func TestNoMeterProviderNoMetrics(t *testing.T) {
	s, err := New(context.Background(), WithMeterProvider(nil), WithExporter(nullExporter{}))
	if err != nil {
		t.Fatal(err)
	}
	if s.processor.metrics != nil {
		t.Error("there are metrics")
	}
	if x, measured := s.processor.loop.exporter.(*measuredExporter); measured {
		t.Errorf("the exporter is a %T", x)
	}
	_ = s.Shutdown(context.Background())
}

// series makes n names.
func series(n int) (names []string) {
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}
