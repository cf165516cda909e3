package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// The service's requests, its runtime and its log lines arrive as metrics and log records when it ends.
func TestMetricsAndLogsArrive(t *testing.T) {
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Endpoint())
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })

	stop := startTelemetry(context.Background())
	slog.Info("prices listens")
	newService(0).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/prices/tea", nil))
	stop()

	names := map[string]bool{}
	for _, p := range receiver.DataPoints() {
		if p.Service() == "prices" {
			names[p.Name] = true
		}
	}
	for _, want := range []string{"http.server.request.duration", "go.memory.used", "go.goroutine.count", "go.schedule.duration"} {
		if !names[want] {
			t.Errorf("no data point of %s among %v", want, names)
		}
	}
	if records := receiver.LogRecords(); len(records) != 1 || records[0].Body != "prices listens" || records[0].Service() != "prices" {
		t.Errorf("log records %+v; want the line", records)
	}
}
