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

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// official is a client of OpenTelemetry's own exporter that keeps the marshaled request.
type official struct {
	exporter sdktrace.SpanExporter
	body     []byte // of the last request
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
	o.body, err = proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	return err
}

func (o *official) request(tb testing.TB, spans []sdktrace.ReadOnlySpan) []byte {
	tb.Helper()
	if err := o.exporter.ExportSpans(tb.Context(), spans); err != nil {
		tb.Fatal(err)
	}
	return o.body
}

// The oracle is ours and covers strange spans. For ordinary spans OpenTelemetry's exporter must agree. It omits the
// trace state of a link, for which the protocol has a field.
func TestSpanEncoderAgreesWithTheOfficialExporter(t *testing.T) {
	stub := baseStub()
	stub.Links[0].SpanContext = stub.Links[0].SpanContext.WithTraceState(trace.TraceState{})
	for name, spans := range map[string][]sdktrace.ReadOnlySpan{
		"many":        itemtest.Spans(1000),
		"every field": snapshots([]tracetest.SpanStub{stub}),
	} {
		body, _ := new(SpanEncoder).AppendRequest(nil, spans, noLimit)
		got, want := decodeStrictly(t, body, new(tracepb.TracesData)), decodeStrictly(t, newOfficial(t).request(t, spans), new(tracepb.TracesData))
		slices.SortFunc(want.ResourceSpans[0].ScopeSpans, func(a, b *tracepb.ScopeSpans) int { // which are in no order
			return strings.Compare(a.Scope.GetName(), b.Scope.GetName())
		})
		if !proto.Equal(got, want) {
			t.Errorf("%s: request differs:\n%s", name, cmp.Diff(want.String(), got.String()))
		}
	}
}
