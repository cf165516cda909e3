package otlp

import (
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// What stands around the resources of a line.
const (
	lineHead = `{"resourceSpans":[`
	lineTail = "}\n"
)

// LineEncoder writes spans as OTLP JSON lines: each a whole request, as the OpenTelemetry Collector's otlpjsonfile
// receiver reads it and its file exporter writes it. It keeps memory as an [Encoder] does.
//
// The zero value is ready. A LineEncoder must not be used by several goroutines at once.
type LineEncoder struct{ gathering }

// AppendLine appends to dst one line, its line feed included, that holds the longest prefix of spans which fits in
// limit bytes, and returns the result with the length of that prefix. With n == 0 nothing is appended: spans is empty,
// or its first span is too large for any line of that limit. Nor is it where spans has nil ones only, which count as
// written.
//
// The line says what [Encoder.AppendRequest] says of the same spans, in the same order. It has no line feed but the
// last, is valid UTF-8, and follows the JSON Protobuf Encoding of the OpenTelemetry Protocol Specification: ids in
// hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings, bytes in base64; numbers that JSON
// does not have are "NaN", "Infinity" and "-Infinity", as protobuf's own mapping has them.
func (e *LineEncoder) AppendLine(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	begin := len(dst)
	dst, n = e.gather(jsonSyntax{}, append(dst, lineHead...), spans, max(limit, 0)-len(lineHead)-len(lineTail))
	dst = e.assemble(dst, begin+len(lineHead))
	if len(dst) == begin+len(lineHead) {
		return dst[:begin], n
	}
	return append(jsonSyntax{}.closed(dst), lineTail...), n
}

// jsonSyntax is OTLP's JSON encoding. Each member ends with the comma that a next one needs; where there is none, the
// bracket that closes the list takes its place.
type jsonSyntax struct{}

func (jsonSyntax) span(dst []byte, span sdktrace.ReadOnlySpan) []byte {
	return append(appendJSONSpan(dst, span), ',')
}

func (jsonSyntax) resource(dst []byte, res *resource.Resource) (out []byte, split int) {
	dst = append(dst, `{"resource":{`...)
	dst = appendJSONSet(dst, res.Set())
	dst = append(closeJSON(dst, '}'), `,"scopeSpans":[`...)
	split = len(dst)
	return appendJSONRest(dst, res.SchemaURL()), split
}

func (jsonSyntax) scope(dst []byte, scope instrumentation.Scope) (out []byte, split int) {
	dst = append(dst, '{')
	if !anonymous(scope) {
		dst = append(dst, `"scope":{`...)
		dst = appendJSONText(dst, `"name":`, scope.Name)
		dst = appendJSONText(dst, `"version":`, scope.Version)
		dst = appendJSONSet(dst, &scope.Attributes)
		dst = append(closeJSON(dst, '}'), ',')
	}
	dst = append(dst, `"spans":[`...)
	split = len(dst)
	return appendJSONRest(dst, scope.SchemaURL), split
}

func (jsonSyntax) header(dst []byte, _, _ int) []byte { return dst }

func (jsonSyntax) framed(n int) int { return n }

func (jsonSyntax) closed(dst []byte) []byte { return closeJSON(dst, ']') }

// appendJSONRest appends what follows the members of a group.
func appendJSONRest(dst []byte, schemaURL string) []byte {
	dst = appendJSONText(append(dst, ','), `"schemaUrl":`, schemaURL)
	return append(closeJSON(dst, '}'), ',')
}

// closeJSON ends an object or a list with bracket, in the place of the comma after its last member if it has one.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}
