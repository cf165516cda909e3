package main

import (
	"context"
	"encoding/base64"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// record has a second processor write each span that ends, if E2E_RECORD names a file: immediately and with the official
// exporter. The test adds this file to the examples too.
func record(provider trace.TracerProvider) {
	path := os.Getenv("E2E_RECORD")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	exporter, err := otlptrace.New(context.Background(), recorder{file})
	if err != nil {
		panic(err)
	}
	provider.(*sdktrace.TracerProvider).RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(exporter))
}

// recorder is an otlptrace.Client that writes each request as a line.
type recorder struct{ file *os.File }

// Start implements otlptrace.Client.
func (recorder) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (recorder) Stop(context.Context) error { return nil }

// UploadTraces implements otlptrace.Client.
func (r recorder) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err == nil {
		_, err = r.file.WriteString(base64.StdEncoding.EncodeToString(body) + "\n")
	}
	return err
}
