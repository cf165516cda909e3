package otelx_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

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

// A bad setting is an error that says what to write; the SDK works with the default.
func ExampleNew_badSetting() {
	getenv := func(key string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}[key]
	}
	tel, err := otelx.New(context.Background(), otelx.WithGetenv(getenv))
	fmt.Println(err)
	fmt.Println(tel.Stats().Ended)
	// Output:
	// otelx: OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318": no scheme (write http://collector:4318)
	// 0
}
