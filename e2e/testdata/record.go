// This file is added to an example when the test builds it: a second processor that writes each span that ends to the file
// E2E_RECORD, at once and by the OpenTelemetry SDK's own means, so that there is a record of what epilogue was given.
package main

import (
	"os"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

// record registers the processor.
func record(tel *otelx.SDK) {
	file, err := os.OpenFile(os.Getenv("E2E_RECORD"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(file))
	if err != nil {
		panic(err)
	}
	tel.TracerProvider().(*sdktrace.TracerProvider).RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(exporter))
}
