package otelx_test

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

func Example() {
	ctx := context.Background()
	backend := tracetest.NewInMemoryExporter() // leave WithExporter out to send OTLP to OTEL_EXPORTER_OTLP_ENDPOINT
	tel, err := otelx.New(ctx, otelx.WithExporter(backend))
	if err != nil {
		fmt.Println("telemetry:", err) // tel is usable all the same
	}

	_, span := otel.Tracer("shop").Start(ctx, "order")
	span.End()

	if err := tel.ForceFlush(ctx); err != nil {
		fmt.Println("not all delivered:", err)
	}
	fmt.Println(backend.GetSpans()[0].Name)
	fmt.Println(tel.Stats().Exported, "of", tel.Stats().Ended)
	// Output:
	// order
	// 1 of 1
}

// Spans that are open when the process exits are ended with a reason instead of being lost.
func ExampleSDK_EndOpenSpans() {
	ctx := context.Background()
	backend := tracetest.NewInMemoryExporter()
	tel, err := otelx.New(ctx, otelx.WithExporter(backend))
	if err != nil {
		fmt.Println("telemetry:", err)
	}

	ctx, request := otel.Tracer("shop").Start(ctx, "request")
	otel.Tracer("shop").Start(ctx, "query") // both still run

	fmt.Println(tel.EndOpenSpans([][8]byte{request.SpanContext().SpanID()}, "", "SIGTERM"), "ended")
	if err := tel.Shutdown(context.Background()); err != nil {
		fmt.Println("not all delivered:", err)
	}
	// Output:
	// 2 ended
}

// newBackend starts an OTLP receiver, which stands for a collector.
func newBackend() *otlpreceiver.Receiver {
	backend := otlpreceiver.New(otlpreceiver.Config{})
	if err := backend.Listen("127.0.0.1:0"); err != nil {
		panic(err)
	}
	return backend
}

// Metrics leave with the spans. In a function add awslambda.Defaults(), and leave the options of WithMetrics out to write lines
// that CloudWatch reads from the log.
func ExampleWithMetrics() {
	ctx := context.Background()
	backend := newBackend()
	defer func() { _ = backend.Close() }()
	tel, err := otelx.New(ctx, otelx.WithMetrics(
		otelx.WithEndpoint(backend.Endpoint()+"/v1/metrics"), // instead of OTEL_EXPORTER_OTLP_ENDPOINT
		otelx.WithTemporality("delta"),
	))
	if err != nil {
		fmt.Println("telemetry:", err) // tel is usable all the same
	}
	orders, err := otel.Meter("shop").Int64Counter("orders")
	if err != nil {
		fmt.Println("metrics:", err)
	}
	orders.Add(ctx, 3)

	if err := tel.ForceFlush(ctx); err != nil {
		fmt.Println("not all delivered:", err)
	}
	for _, p := range backend.DataPoints() {
		fmt.Println(p.Name, p.Value, p.Temporality)
	}
	fmt.Println(tel.Stats().Metrics.Exported)
	// Output:
	// orders 3 delta
	// 1
}

// slog writes through contrib's bridge. In a function each record is also a line in its log: otelx.WithExporters("otlp", "lambda").
func ExampleWithLogs() {
	ctx := context.Background()
	backend := newBackend()
	defer func() { _ = backend.Close() }()
	tel, err := otelx.New(ctx, otelx.WithExporter(tracetest.NewInMemoryExporter()),
		otelx.WithLogs(otelx.WithEndpoint(backend.Endpoint()+"/v1/logs")))
	if err != nil {
		fmt.Println("telemetry:", err) // tel is usable all the same
	}
	logger := otelslog.NewLogger("shop") // of the global logger provider

	ctx, span := otel.Tracer("shop").Start(ctx, "order")
	logger.WarnContext(ctx, "out of stock", "item", 17)
	span.End()

	if err := tel.ForceFlush(ctx); err != nil {
		fmt.Println("not all delivered:", err)
	}
	for _, r := range backend.LogRecords() {
		fmt.Println(r.Severity, r.Body, r.Attributes, r.TraceID == span.SpanContext().TraceID().String())
	}
	// Output:
	// WARN out of stock map[item:17] true
}

// A bad setting is an error that says what to write; the SDK works with the default.
func ExampleNew_badSetting() {
	getenv := func(key string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}[key]
	}
	tel, err := otelx.New(context.Background(), otelx.WithGetenv(getenv))
	fmt.Println(err)
	fmt.Println(tel.Stats().Ended)
	// Output:
	// otelx: OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318": no scheme (write http://collector:4318); http://localhost:4318/v1/traces is used
	// 0
}

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
	// not-lambda
	// otel.sdk.exporter.span.exported 1 failed: false
}
