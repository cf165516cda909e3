package main

import (
	"context"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// marshaler is an otlptrace.Client that does with the transformed spans what otlptracehttp's does first.
type marshaler struct{ body []byte }

func (*marshaler) Start(context.Context) error { return nil }
func (*marshaler) Stop(context.Context) error  { return nil }

func (m *marshaler) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) (err error) {
	m.body, err = proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: spans})
	return err
}

// BenchmarkEncoder is the rival of that in internal/otlp: the official transform and proto.Marshal.
func BenchmarkEncoder(b *testing.B) {
	b.Run("impl=rival", func(b *testing.B) {
		spans := itemtest.Spans(10_000)
		m := new(marshaler)
		exporter, err := otlptrace.New(b.Context(), m)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := exporter.ExportSpans(b.Context(), spans); err != nil {
				b.Fatal(err)
			}
		}
		if len(m.body) == 0 {
			b.Fatal("nothing was encoded")
		}
	})
}

// discard is a backend in memory that accepts every request at once.
type discard struct{}

func (discard) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: http.NoBody}, nil
}

// BenchmarkMetricEncoder is the rival of that in internal/otlp: the official transform and proto.Marshal. The exporter
// has no way to either without making a request, which costs a few microseconds.
func BenchmarkMetricEncoder(b *testing.B) {
	b.Run("impl=rival", func(b *testing.B) {
		rm := itemtest.Measured(100)
		exporter, err := otlpmetrichttp.New(b.Context(), otlpmetrichttp.WithHTTPClient(&http.Client{Transport: discard{}}))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := exporter.Export(b.Context(), rm); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLogEncoder is BenchmarkMetricEncoder for log records.
func BenchmarkLogEncoder(b *testing.B) {
	b.Run("impl=rival", func(b *testing.B) {
		records := itemtest.Records(1000)
		exporter, err := otlploghttp.New(b.Context(), otlploghttp.WithHTTPClient(&http.Client{Transport: discard{}}))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := exporter.Export(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkResponse is the rival of that in internal/otlp/response: proto.Unmarshal.
func BenchmarkResponse(b *testing.B) {
	b.Run("impl=rival", func(b *testing.B) {
		data, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{PartialSuccess: &collectorpb.ExportTracePartialSuccess{
			RejectedSpans: itemtest.Rejected, ErrorMessage: itemtest.RejectedMessage,
		}})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			var resp collectorpb.ExportTraceServiceResponse
			if err := proto.Unmarshal(data, &resp); err != nil {
				b.Fatal(err)
			}
		}
	})
}
