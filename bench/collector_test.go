package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// TestCollectorCounts sends spans, one of them twice, with the official exporters.
func TestCollectorCounts(t *testing.T) {
	c, err := newCollector(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	const n = 10
	for name, client := range map[string]otlptrace.Client{
		"HTTP": otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(c.httpURL + "/v1/traces")),
		"gRPC": otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(c.grpcURL)),
	} {
		t.Run(name, func(t *testing.T) {
			exporter, err := otlptrace.New(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			spans := itemtest.Spans(n)
			err = errors.Join(exporter.ExportSpans(t.Context(), spans), exporter.ExportSpans(t.Context(), spans[:1]), exporter.Shutdown(t.Context()))
			if got := c.takeCounts().spans["GET /prices/{sku}"]; err != nil || got != n {
				t.Errorf("%d spans have arrived of %d: %v", got, n, err)
			}
		})
	}
}

// TestCollectorCountsSignals sends metrics and log records with the official exporters.
func TestCollectorCountsSignals(t *testing.T) {
	c, err := newCollector(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	metrics, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL(c.httpURL+"/v1/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	logs, err := otlploghttp.New(t.Context(), otlploghttp.WithEndpointURL(c.httpURL+"/v1/logs"))
	if err != nil {
		t.Fatal(err)
	}
	measured, want := itemtest.Measured(10), 0
	for _, scope := range measured.ScopeMetrics {
		want += len(scope.Metrics)
	}
	err = errors.Join(metrics.Export(t.Context(), measured), logs.Export(t.Context(), itemtest.Records(10)),
		metrics.Shutdown(t.Context()), logs.Shutdown(t.Context()))
	got := c.takeCounts()
	if err != nil || got.metrics != want || got.records != 10 || len(got.spans) != 0 {
		t.Errorf("got %+v, want %d metrics and 10 records: %v", got, want, err)
	}
	if got := c.takeCounts(); got.metrics != 0 || got.records != 0 {
		t.Errorf("the second time: %+v", got)
	}
}

func TestCollectorIsAsFarAwayAsItIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(collector)
		for _, far := range []time.Duration{0, 30 * time.Millisecond} {
			c.setRoundTrip(far)
			begun := time.Now()
			if err := c.take(t.Context(), nil, c.remember); err != nil || time.Since(begun) != far {
				t.Errorf("took %v, want %v: %v", time.Since(begun), far, err)
			}
		}
	})
}
