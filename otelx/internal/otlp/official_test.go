package otlp

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// marshaller is the client of an official exporter that marshals what that has made of the spans, and sends nothing.
type marshaller struct {
	testing.TB
	body []byte
}

func (*marshaller) Start(context.Context) error { return nil }
func (*marshaller) Stop(context.Context) error  { return nil }

func (m *marshaller) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) (err error) {
	m.body, err = proto.MarshalOptions{}.MarshalAppend(m.body[:0], &tracepb.TracesData{ResourceSpans: spans})
	return err
}

// BenchmarkEncode is the encoding of a large request by us and by the official exporter, both with the memory of the
// request before.
func BenchmarkEncode(b *testing.B) {
	spans := benchmarkSpans(10000)
	b.Run("ours", func(b *testing.B) {
		e := new(Encoder)
		dst, _ := e.AppendRequest(nil, spans, noLimit)
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = e.AppendRequest(dst[:0], spans, noLimit)
		}
	})
	b.Run("official", func(b *testing.B) {
		exporter, err := otlptrace.New(context.Background(), &marshaller{TB: b})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := exporter.ExportSpans(context.Background(), spans); err != nil {
				b.Fatal(err)
			}
		}
	})
}
