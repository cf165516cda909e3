package otelx_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

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

// An endpoint without a port has the default port of its scheme.
func TestMetricsOfAnEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://c.example.com/v1/traces": "80", "https://c.example.com/v1/traces": "443", "http://c.example.com:4318": "4318",
	} {
		m, option := newMeters()
		contract(t, func(f *fixture) {
			if port := m.exporterAttribute(f.T, "server.port"); port != want {
				f.Errorf("%s: server.port = %s, want %s", endpoint, port, want)
			}
		}, option, otelx.WithEndpoint(endpoint))
	}
}

// A request without an answer in time and one without a connection have different error types.
func TestMetricsOfRequestsWithoutAnAnswer(t *testing.T) {
	for want, fault := range map[string]otlpreceiver.Fault{"timeout": {Hang: true}, "unavailable": {Cut: otlpreceiver.BeforeRead}} {
		m, option := newMeters()
		contract(t, func(f *fixture) {
			f.fails(fault)
			f.end("a")
			_ = f.flush(300 * ms)
			synctest.Wait()
			figures := m.figures(f.T)
			if figures["exporter.operation.duration{"+want+"} count"] == 0 || figures["exporter.operation.duration count"] > 0 {
				f.Errorf("%+v: figures %v, want error type %s", fault, figures, want)
			}
		}, option)
	}
}

// A custom exporter is named by its type.
func TestMetricsNameACustomExporter(t *testing.T) {
	for _, o := range []otelx.Option{
		otelx.WithExporter(nullExporter{}), otelx.WithExporter(&nullExporter{}), config.WithSender(new(sender)),
	} {
		m, option := newMeters()
		var got string
		contract(t, func(f *fixture) { got = m.exporterAttribute(f.T, "otel.component.name") }, option, o)
		if !strings.HasPrefix(got, "github.com/epilogue-go/epilogue/otelx_test.nullExporter/") &&
			!strings.HasPrefix(got, "github.com/epilogue-go/epilogue/otelx_test.sender/") {
			t.Errorf("otel.component.name = %q", got)
		}
	}
}
