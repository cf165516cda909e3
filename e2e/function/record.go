package main

import (
	"os"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// record has a second processor write down what ends, if E2E_RECORD names a file.
func record(provider *sdktrace.TracerProvider) {
	path := os.Getenv("E2E_RECORD")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(file))
	if err != nil {
		panic(err)
	}
	provider.RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(exporter))
}
