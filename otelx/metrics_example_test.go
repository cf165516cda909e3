package otelx_test

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/otelx"
)

// printer stands for an exporter of metrics: it prints how many spans were exported, and whether they failed.
type printer struct{}

func (printer) Export(_ context.Context, data *metricdata.ResourceMetrics) error {
	for _, m := range data.ScopeMetrics[0].Metrics {
		sum, ok := m.Data.(metricdata.Sum[int64])
		if !ok || m.Name != "otel.sdk.exporter.span.exported" {
			continue
		}
		for _, p := range sum.DataPoints {
			if p.Value > 0 {
				fmt.Println(m.Name, p.Value, "failed:", p.Attributes.HasValue("error.type"))
			}
		}
	}
	return nil
}

func (printer) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (printer) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (printer) ForceFlush(context.Context) error { return nil }
func (printer) Shutdown(context.Context) error   { return nil }

// In a Lambda function the agent flushes traces and metrics together, after each response; the reader's own interval is
// made so long that it never comes. The traces are shut down first here, so the metrics' last export has all figures.
func ExampleWithMeterProvider() {
	ctx := context.Background()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(printer{}, sdkmetric.WithInterval(24*time.Hour))))
	tel, err := otelx.New(ctx, otelx.WithMeterProvider(meters), otelx.WithExporter(tracetest.NewInMemoryExporter()))
	if err != nil {
		fmt.Println("telemetry:", err)
	}
	ag := agent.Start(ctx, agent.MultiFlusher(tel, meters)) // in a function: registers the extension

	_, span := otel.Tracer("shop").Start(ctx, "order")
	span.End()
	fmt.Println(ag.Stats().Mode) // of Lambda, where the program shuts down by itself
	if err := tel.Shutdown(ctx); err != nil {
		fmt.Println("not all delivered:", err)
	}
	if err := meters.Shutdown(ctx); err != nil {
		fmt.Println("no figures:", err)
	}
	// Output:
	// outside
	// otel.sdk.exporter.span.exported 1 failed: false
}
