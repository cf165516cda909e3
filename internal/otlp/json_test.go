package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/epilogue-go/epilogue/internal/benchspans"
)

// decodeLine reads one line with the official types. They expect IDs in base64, but OTLP has hexadecimal digits
// (OpenTelemetry Protocol Specification, "JSON Protobuf Encoding").
func decodeLine(tb testing.TB, line []byte) *tracepb.TracesData {
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
	data := new(tracepb.TracesData)
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

// requireLine fails the test unless line equals the oracle's request for stubs.
func requireLine(tb testing.TB, line []byte, stubs []tracetest.SpanStub) {
	tb.Helper()
	if len(stubs) == 0 {
		if len(line) > 0 {
			tb.Fatalf("a line without a span: %q", line)
		}
		return
	}
	got, want := decodeLine(tb, line), wantRequest(stubs)
	if !proto.Equal(got, want) {
		tb.Fatalf("line differs (-want +got):\n%s", cmp.Diff(want, got, protocmp.Transform()))
	}
}

func TestLineFields(t *testing.T) {
	for name, stubs := range fieldTests() {
		t.Run(name, func(t *testing.T) {
			line, n := new(LineEncoder).AppendLine(nil, snapshots(stubs), noLimit)
			if n != len(stubs) {
				t.Fatalf("encoded %d spans of %d", n, len(stubs))
			}
			requireLine(t, line, stubs)
		})
	}
}

func TestLineValues(t *testing.T) {
	more := []attribute.KeyValue{
		attribute.Float64("nan", math.NaN()), attribute.Float64("inf", math.Inf(1)),
		attribute.Float64("one third", 1.0/3), attribute.Float64("large", 1e21), attribute.Float64("small", -1.5e-7),
		attribute.Float64("integral", 1e20), attribute.Float64Slice("none of them", []float64{math.NaN(), math.Inf(-1)}),
		attribute.String("escapes", "\"\\/\b\f\n\r\t\x00\x1f\x7f\u2028\u2029</script>\U0001F600"),
		attribute.String("\"key\"\n", "{\"resourceSpans\":[]}"),
	}
	for _, kv := range append(valueTests(), more...) {
		t.Run(kv.Value.Type().String()+" "+string(kv.Key), func(t *testing.T) {
			stubs := []tracetest.SpanStub{everywhere(kv)}
			line, _ := new(LineEncoder).AppendLine(nil, snapshots(stubs), noLimit)
			requireLine(t, line, stubs)
		})
	}
}

// TestLine shows the format, as the specification's example has it.
func TestLine(t *testing.T) {
	stub := baseStub()
	stub.Events, stub.Links, stub.DroppedEvents, stub.DroppedLinks = nil, nil, 0, 0
	line, _ := new(LineEncoder).AppendLine(nil, snapshots([]tracetest.SpanStub{stub}), noLimit)
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

func TestLineSendsTooDeepAsText(t *testing.T) {
	stubs := []tracetest.SpanStub{{Attributes: []attribute.KeyValue{{Key: "deep", Value: nested(maxNesting + 5)}}}}
	body, _ := new(Encoder).AppendRequest(nil, snapshots(stubs), noLimit)
	line, _ := new(LineEncoder).AppendLine(nil, snapshots(stubs), noLimit)
	if !proto.Equal(decodeStrictly(t, body), decodeLine(t, line)) { // cmp.Diff would take ages
		t.Errorf("line and request differ: %s", line)
	}
}

func TestLineTakesTheLongestPrefix(t *testing.T) {
	stubs := interleaved(12)
	spans := snapshots(stubs)
	size := make([]int, len(spans)+1) // of a line of that many spans
	for i := range size {
		line, _ := new(LineEncoder).AppendLine(nil, spans[:i], noLimit)
		size[i] = len(line)
	}
	e := new(LineEncoder)
	for limit := -1; limit <= size[len(spans)]+1; limit++ {
		line, n := e.AppendLine(nil, spans, limit)
		want := 0
		for want < len(spans) && size[want+1] <= limit {
			want++
		}
		if n != want || len(line) != size[n] {
			t.Fatalf("limit %d: %d spans in %d bytes, want %d in %d", limit, n, len(line), want, size[want])
		}
		if limit%97 == 0 {
			requireLine(t, line, stubs[:n])
		}
	}
}

func TestLineAppends(t *testing.T) {
	stub := baseStub()
	e := new(LineEncoder)
	for _, spans := range [][]sdktrace.ReadOnlySpan{nil, {nil, nil}} {
		if out, n := e.AppendLine([]byte("before,"), spans, noLimit); string(out) != "before," || n != len(spans) {
			t.Errorf("%d nil spans: took %d, wrote %q", len(spans), n, out)
		}
	}
	out, n := e.AppendLine([]byte("before,"), []sdktrace.ReadOnlySpan{nil, stub.Snapshot()}, noLimit)
	line, ok := bytes.CutPrefix(out, []byte("before,"))
	if !ok || n != 2 {
		t.Fatalf("took %d spans, wrote %q", n, out)
	}
	requireLine(t, line, []tracetest.SpanStub{stub})
	if out, n := e.AppendLine([]byte("before,"), snapshots([]tracetest.SpanStub{stub}), 100); string(out) != "before," || n != 0 {
		t.Errorf("a span too large for a line: took %d, wrote %q", n, out)
	}
}

// FuzzLineEncoder compares lines of spans built from the input with the oracle, whole and cut by a limit, and with the protobuf
// request of the same spans.
func FuzzLineEncoder(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte("a span's name, an attribute \xff\xfe and so on, until the bytes are used up"), 400)
	seed := make([]byte, 2000)
	for i := range seed {
		seed[i] = byte(i * i >> 3)
	}
	f.Add(seed, 1700)
	f.Add(seed[:999], 1<<20)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		src := source{data: data}
		stubs := src.stubs()
		spans := snapshots(stubs)
		var e LineEncoder
		whole, n := e.AppendLine(nil, spans, noLimit)
		if n != len(spans) {
			t.Fatalf("encoded %d spans of %d without a limit", n, len(spans))
		}
		requireLine(t, whole, stubs)
		if n > 0 {
			body, _ := new(Encoder).AppendRequest(nil, spans, noLimit)
			if !proto.Equal(decodeStrictly(t, body), decodeLine(t, whole)) {
				t.Fatal("line and request differ")
			}
		}
		line, n := e.AppendLine(nil, spans, limit)
		if len(line) > max(0, limit) {
			t.Fatalf("%d bytes, limit %d", len(line), limit)
		}
		requireLine(t, line, stubs[:n])
	})
}

func BenchmarkLineEncoder(b *testing.B) {
	spans := benchspans.Ended(512)
	e := new(LineEncoder)
	dst, _ := e.AppendLine(nil, spans, noLimit)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendLine(dst[:0], spans, noLimit)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
}
