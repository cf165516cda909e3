package otelx_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// Names, units and attributes are those of the semantic conventions.
func TestMetricsFollowTheConventions(t *testing.T) {
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
	if diff := cmp.Diff(map[string]string{
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

// A custom exporter is named by its type.
func TestMetricsNameACustomExporter(t *testing.T) {
	for _, o := range []otelx.Option{
		otelx.WithExporter(nullExporter{}), otelx.WithExporter(&nullExporter{}), config.WithSender(new(sender)),
	} {
		m, option := newMeters()
		if _, err := newSDK(t, environ(), option, o); err != nil {
			t.Fatal(err)
		}
		sum, _ := m.collect(t)["exporter.span.exported"].Data.(metricdata.Sum[int64])
		name, _ := sum.DataPoints[0].Attributes.Value("otel.component.name")
		if got := name.AsString(); !strings.HasPrefix(got, "github.com/epilogue-go/epilogue/otelx_test.nullExporter/") &&
			!strings.HasPrefix(got, "github.com/epilogue-go/epilogue/otelx_test.sender/") {
			t.Errorf("otel.component.name = %q", got)
		}
	}
}
