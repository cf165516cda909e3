package main

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/benchspans"
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
		spans := benchspans.Ended(10_000)
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

// BenchmarkResponse is the rival of that in internal/otlp/response: proto.Unmarshal.
func BenchmarkResponse(b *testing.B) {
	b.Run("impl=rival", func(b *testing.B) {
		data, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{PartialSuccess: &collectorpb.ExportTracePartialSuccess{
			RejectedSpans: benchspans.Rejected, ErrorMessage: benchspans.RejectedMessage,
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
