package otlp

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// officialSizes reads a request with the official types: the bytes of each span, and of the largest resource with its
// scope.
func officialSizes(t *testing.T, request []byte) (spans []int, described int) {
	t.Helper()
	var traces tracepb.TracesData
	if err := proto.Unmarshal(request, &traces); err != nil {
		t.Fatal(err)
	}
	for _, rs := range traces.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			described = max(described, proto.Size(rs.GetResource())+proto.Size(ss.GetScope()))
			for _, s := range ss.GetSpans() {
				spans = append(spans, proto.Size(s))
			}
		}
	}
	return spans, described
}

// TestMaxSpan: a span that is one byte too large ends the request before it.
func TestMaxSpan(t *testing.T) {
	stubs := tracetest.SpanStubs{{Name: "a"}, {Name: strings.Repeat("b", 1000)}, {Name: "c"}}
	whole, _ := new(SpanEncoder).AppendRequest(nil, snapshots(stubs), noLimit)
	sizes, _ := officialSizes(t, whole)
	for _, c := range []struct{ most, first, second int }{
		{0, 3, 2}, {sizes[1], 3, 2}, {sizes[1] - 1, 1, 0},
	} {
		e := &SpanEncoder{MaxSpan: c.most}
		if _, n := e.AppendRequest(nil, snapshots(stubs), noLimit); n != c.first {
			t.Errorf("at most %d bytes: %d spans, want %d", c.most, n, c.first)
		}
		out, n := e.AppendRequest([]byte("before"), snapshots(stubs[1:]), noLimit)
		if n != c.second || n == 0 && string(out) != "before" {
			t.Errorf("at most %d bytes, the large one first: %d spans, want %d", c.most, n, c.second)
		}
	}
}

// TestResourceBytes compares with the sizes of the official types, which lack tags and lengths.
func TestResourceBytes(t *testing.T) {
	large := resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 5000)))
	stubs := tracetest.SpanStubs{
		{Name: "a", Resource: large, InstrumentationScope: instrumentation.Scope{Name: strings.Repeat("s", 3000)}},
		{Name: "b", Resource: resource.NewSchemaless(attribute.String("a", "x")), InstrumentationScope: instrumentation.Scope{Name: "s"}},
	}
	e := new(SpanEncoder)
	for _, part := range []tracetest.SpanStubs{stubs, stubs[1:]} {
		request, _ := e.AppendRequest(nil, snapshots(part), noLimit)
		_, want := officialSizes(t, request)
		if got := e.ResourceBytes(); got < want || got > want+8 {
			t.Errorf("%d bytes, want %d and a few", got, want)
		}
	}
}

// TestResourceBytesOfTheRequest: a span that did not fit says nothing about the request.
func TestResourceBytesOfTheRequest(t *testing.T) {
	stubs := tracetest.SpanStubs{
		{Name: "a", InstrumentationScope: instrumentation.Scope{Name: "s"}},
		{Name: "b", InstrumentationScope: instrumentation.Scope{Name: strings.Repeat("s", 3000)}},
	}
	e := new(SpanEncoder)
	if _, n := e.AppendRequest(nil, snapshots(stubs), 2000); n != 1 {
		t.Fatalf("%d spans, want 1", n)
	}
	if got := e.ResourceBytes(); got > 100 {
		t.Errorf("ResourceBytes = %d for a request with a scope of a few bytes", got)
	}
}

// TestInvalidBytesCountAsSent: a run of them is one U+FFFD on the wire.
func TestInvalidBytesCountAsSent(t *testing.T) {
	const limit = 200
	invalid := strings.Repeat("\xff", limit)
	kv := attribute.StringSlice(invalid, []string{invalid})
	stubs := tracetest.SpanStubs{{Name: invalid, Attributes: []attribute.KeyValue{kv}}}
	if _, n := new(SpanEncoder).AppendRequest(nil, snapshots(stubs), limit); n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
	record := itemtest.Record(nil, instrumentation.Scope{}, func(r *sdklog.Record) {
		r.SetBody(attribute.StringValue(invalid))
		r.SetAttributes(kv)
	})
	if _, n := new(LogEncoder).AppendRequest(nil, []sdklog.Record{record}, limit); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}
