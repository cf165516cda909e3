package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// decodeLine decodes one line into data. The official types expect IDs in base64, but OTLP has hexadecimal digits
// (OpenTelemetry Protocol Specification, "JSON Protobuf Encoding").
func decodeLine[M proto.Message](tb testing.TB, line []byte, data M) M {
	tb.Helper()
	if bytes.IndexByte(line, '\n') != len(line)-1 || !utf8.Valid(line) {
		tb.Fatalf("not one line of UTF-8: %q", line)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		tb.Fatalf("no JSON: %v: %q", err, line)
	}
	idsToBase64(tb, tree)
	mapped, err := json.Marshal(tree)
	if err != nil {
		tb.Fatal(err)
	}
	if err := protojson.Unmarshal(mapped, data); err != nil {
		tb.Fatalf("official types refuse the line: %v: %q", err, line)
	}
	return data
}

func idsToBase64(tb testing.TB, tree any) {
	switch node := tree.(type) {
	case []any:
		for _, item := range node {
			idsToBase64(tb, item)
		}
	case map[string]any:
		for name, value := range node {
			switch name {
			case "traceId", "spanId", "parentSpanId":
				text, _ := value.(string)
				id, err := hex.DecodeString(text)
				if err != nil || strings.ToLower(text) != text {
					tb.Fatalf("%s is %q, want hexadecimal digits in lower case", name, value)
				}
				node[name] = base64.StdEncoding.EncodeToString(id)
			default:
				idsToBase64(tb, value)
			}
		}
	}
}

// TestLine shows the format, as the specification's example has it.
func TestLine(t *testing.T) {
	stub := baseStub()
	stub.Events, stub.Links, stub.DroppedEvents, stub.DroppedLinks = nil, nil, 0, 0
	line, _ := NewSpanLineEncoder().AppendLine(nil, snapshots([]tracetest.SpanStub{stub}), noLimit)
	want := `{"resourceSpans":[{"resource":{"attributes":[{"key":"faas.max_memory","value":{"intValue":"134217728"}},` +
		`{"key":"service.name","value":{"stringValue":"orders"}}]},"scopeSpans":[{"scope":{"name":"example.com/orders",` +
		`"version":"1.2.3","attributes":[{"key":"team","value":{"stringValue":"shop"}}]},"spans":[` +
		`{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202",` +
		`"traceState":"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE","parentSpanId":"0303030303030303",` +
		`"name":"POST /orders","kind":2,"startTimeUnixNano":"1795348800123456789","endTimeUnixNano":"1795348800141456789",` +
		`"attributes":[{"key":"faas.invocation_id","value":{"stringValue":"f1"}},` +
		`{"key":"faas.coldstart","value":{"boolValue":true}}],"droppedAttributesCount":3,` +
		`"status":{"message":"no such sku","code":2},"flags":769}],"schemaUrl":"https://example.com/schema"}],` +
		`"schemaUrl":"https://opentelemetry.io/schemas/1.43.0"}]}` + "\n"
	if diff := cmp.Diff(want, string(line)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLineWithoutASpan(t *testing.T) {
	stub := baseStub()
	e := NewSpanLineEncoder()
	for _, spans := range [][]sdktrace.ReadOnlySpan{nil, {nil, nil}} {
		if out, n := e.AppendLine([]byte("before,"), spans, noLimit); string(out) != "before," || n != len(spans) {
			t.Errorf("%d nil spans: took %d, wrote %q", len(spans), n, out)
		}
	}
	if out, n := e.AppendLine([]byte("before,"), snapshots([]tracetest.SpanStub{stub}), 100); string(out) != "before," || n != 0 {
		t.Errorf("a span too large for a line: took %d, wrote %q", n, out)
	}
}

// TestLinesAreFilled: after the first line, lines have as many spans as nearly fit, whether these grow much as JSON or
// little.
func TestLinesAreFilled(t *testing.T) {
	const limit = 20_000
	for name, stub := range map[string]tracetest.SpanStub{"little": {Name: strings.Repeat("x", 500)}, "much": {Name: "x"}} {
		spans := snapshots(slices.Repeat([]tracetest.SpanStub{stub}, 400))
		e := NewSpanLineEncoder()
		_, n := e.AppendLine(nil, spans, limit)
		line, _ := e.AppendLine(nil, spans[n:], limit)
		if len(line) < limit*9/10 {
			t.Errorf("%s: a line of %d bytes", name, len(line))
		}
	}
}

func BenchmarkLineEncoder(b *testing.B) {
	spans := itemtest.Spans(512)
	e := NewSpanLineEncoder()
	dst, _ := e.AppendLine(nil, spans, noLimit)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendLine(dst[:0], spans, noLimit)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
}
