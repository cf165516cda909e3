package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

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
			if got := c.takeCounts()["GET /prices/{sku}"]; err != nil || got != n {
				t.Errorf("%d spans have arrived of %d: %v", got, n, err)
			}
		})
	}
}

func TestCollectorIsAsFarAwayAsItIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(collector)
		for _, far := range []time.Duration{0, 30 * time.Millisecond} {
			c.setRoundTrip(far)
			begun := time.Now()
			if err := c.take(t.Context(), nil); err != nil || time.Since(begun) != far {
				t.Errorf("took %v, want %v: %v", time.Since(begun), far, err)
			}
		}
	})
}
