package traces_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// decoded returns the names of the spans in a request, read with the official types.
func decoded(t *testing.T, request []byte) (names []string) {
	t.Helper()
	var data tracepb.TracesData
	if err := proto.Unmarshal(request, &data); err != nil {
		t.Fatal(err)
	}
	for _, rs := range data.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				names = append(names, s.GetName())
			}
		}
	}
	return names
}

func sized(sizes ...int) []sdktrace.ReadOnlySpan {
	var stubs tracetest.SpanStubs
	for i, n := range sizes {
		stubs = append(stubs, tracetest.SpanStub{
			Name: string(rune('a' + i)), Attributes: []attribute.KeyValue{attribute.String("filler", strings.Repeat("x", n))},
		})
	}
	return stubs.Snapshots()
}

// A request holds the longest prefix of the spans that fits, and nothing if the first one of several does not fit. A span alone is
// reduced.
func TestEncoderAppendsThePrefixThatFits(t *testing.T) {
	const before = "before"
	for name, c := range map[string]struct {
		spanBytes, limit int
		sizes            []int
		want             string
	}{
		"all":                    {0, 1 << 20, []int{10, 10, 10}, "abc"},
		"limit":                  {0, 2500, []int{1000, 1000, 1000}, "ab"},
		"span limit":             {500, 1 << 20, []int{10, 10, 1000, 10}, "ab"},
		"the first is too large": {500, 1 << 20, []int{1000, 10}, ""},
		"one is reduced":         {0, 500, []int{1000}, "a"},
		"no span fits":           {0, 30, []int{1000}, ""},
	} {
		e := traces.NewEncoder(c.spanBytes, 0)()
		for range 2 { // it is used again
			body, n := e.Append([]byte(before), sized(c.sizes...), c.limit)
			rest, found := strings.CutPrefix(string(body), before)
			if got := strings.Join(decoded(t, []byte(rest)), ""); got != c.want || n != len(c.want) || !found || len(rest) > c.limit {
				t.Errorf("%s: %d spans, %q, in %d bytes; want %q", name, n, got, len(rest), c.want)
			}
		}
	}
}

func TestEncoderDescribesASpan(t *testing.T) {
	span := tracetest.SpanStub{Name: "GET /\n"}.Snapshot()
	if got, want := traces.NewEncoder(0, 0)().Describe(span), `span "GET /\n"`; got != want {
		t.Errorf("Describe = %s, want %s", got, want)
	}
}

// The hint is about the last request alone.
func TestEncoderHintsAtALargeResource(t *testing.T) {
	small := tracetest.SpanStub{Name: "a", Resource: resource.NewSchemaless(attribute.String("a", "x"))}.Snapshot()
	large := tracetest.SpanStub{Name: "a", Resource: resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 1000)))}.Snapshot()
	for _, c := range []struct {
		limit int
		span  sdktrace.ReadOnlySpan
		want  string
	}{
		{1000, large, "the resource is too large: with an instrumentation scope it has 10"},
		{1000, small, ""},
		{5000, large, ""},
		{0, large, ""},
	} {
		e := traces.NewEncoder(0, c.limit)()
		e.Append(nil, []sdktrace.ReadOnlySpan{large}, 1<<20)
		e.Append(nil, []sdktrace.ReadOnlySpan{c.span}, 1<<20)
		key, err := e.Hint()
		if c.want == "" {
			if key != "" || err != nil {
				t.Errorf("limit %d: hint %q, %v; want none", c.limit, key, err)
			}
			continue
		}
		if key != "the resource is too large" || err == nil || !strings.HasPrefix(err.Error(), c.want) ||
			!strings.Contains(err.Error(), "the backend accepts 1000 (remove attributes, for example from OTEL_RESOURCE_ATTRIBUTES)") {
			t.Errorf("hint %q, %v", key, err)
		}
	}
}
