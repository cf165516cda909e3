package otlp

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/typepb"
)

// official is what OpenTelemetry's own exporter makes of spans, marshalled: its client, which sends nothing.
type official struct {
	exporter sdktrace.SpanExporter
	body     []byte // of the last request; its memory is used again
}

func newOfficial(tb testing.TB) *official {
	tb.Helper()
	o := new(official)
	exporter, err := otlptrace.New(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	o.exporter = exporter
	return o
}

func (*official) Start(context.Context) error { return nil }
func (*official) Stop(context.Context) error  { return nil }

func (o *official) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) (err error) {
	o.body, err = proto.MarshalOptions{}.MarshalAppend(o.body[:0], &tracepb.TracesData{ResourceSpans: spans})
	return err
}

func (o *official) request(tb testing.TB, spans []sdktrace.ReadOnlySpan) []byte {
	tb.Helper()
	if err := o.exporter.ExportSpans(tb.Context(), spans); err != nil {
		tb.Fatal(err)
	}
	return o.body
}

// The oracle is ours and knows what strange spans should become; of those that programs make, OpenTelemetry's exporter
// has to say the same. It leaves out the trace state of a link, which the protocol has a field for.
func TestEncoderAgreesWithTheOfficialExporter(t *testing.T) {
	stub := baseStub()
	stub.Links[0].SpanContext = stub.Links[0].SpanContext.WithTraceState(trace.TraceState{})
	for name, spans := range map[string][]sdktrace.ReadOnlySpan{
		"many":        benchmarkSpans(1000),
		"every field": snapshots([]tracetest.SpanStub{stub}),
	} {
		body, _ := new(Encoder).AppendRequest(nil, spans, noLimit)
		got, want := decodeStrictly(t, body), decodeStrictly(t, newOfficial(t).request(t, spans))
		slices.SortFunc(want.ResourceSpans[0].ScopeSpans, func(a, b *tracepb.ScopeSpans) int { // which are in no order
			return strings.Compare(a.Scope.GetName(), b.Scope.GetName())
		})
		if !proto.Equal(got, want) {
			t.Errorf("%s: request differs:\n%s", name, cmp.Diff(want.String(), got.String()))
		}
	}
}

// BenchmarkEncode is a request of 10,000 spans, encoded by us and by OpenTelemetry's exporter, both with the buffer of
// the request before.
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
		o := newOfficial(b)
		o.request(b, spans)
		b.ReportAllocs()
		for b.Loop() {
			o.request(b, spans)
		}
	})
}

// BenchmarkDecode is an answer with a partial success and one with a google.rpc.Status, decoded by us, and by the official
// runtime into generated messages of the same shape: the ones meant come in packages with gRPC.
func BenchmarkDecode(b *testing.B) {
	const message = "spans older than an hour are not accepted"
	response, status := partialSuccess(7, message), rpcStatus(3, message)
	value := &typepb.EnumValue{Name: message, Number: 7}
	nested, err := proto.Marshal(&typepb.Enum{Enumvalue: []*typepb.EnumValue{value}})
	if err != nil || len(nested) != len(response) {
		b.Fatalf("%d bytes instead of %d, error %v", len(nested), len(response), err)
	}
	value.Options = []*typepb.Option{{Name: "details that nobody reads"}}
	flat, err := proto.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func() error{
		"accepted/ours":     func() error { _, _, err := decodeResponse([]byte{0x0a, 0}); return err },
		"accepted/official": func() error { return proto.Unmarshal([]byte{0x12, 0}, new(typepb.Enum)) },
		"response/ours":     func() error { _, _, err := decodeResponse(response); return err },
		"response/official": func() error { return proto.Unmarshal(nested, new(typepb.Enum)) },
		"status/ours":       func() error { _, _, err := decodeStatus(status); return err },
		"status/official":   func() error { return proto.Unmarshal(flat, new(typepb.EnumValue)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
