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
type LineEncoder struct {
	gathering
	syntax jsonSyntax
}

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
	n = e.gather(&e.syntax, spans, max(limit, 0)-len(lineHead)-len(lineTail))
	dst = e.assemble(append(dst, lineHead...))
	if len(dst) == begin+len(lineHead) {
		return dst[:begin], n
	}
	return append(e.syntax.closed(dst), lineTail...), n
}

// jsonSyntax is OTLP's JSON encoding: each part of a request is encoded as protobuf, and written anew with the names that
// its fields have. So what a span, a resource and a scope say is in one place. Each member ends with the comma that a next
// one needs; where there is none, the bracket that closes the list takes its place.
type jsonSyntax struct{ wire []byte }

func (j *jsonSyntax) span(dst []byte, span sdktrace.ReadOnlySpan) []byte {
	j.wire = appendSpan(j.wire[:0], span)
	return append(appendObject(dst, messageSpan, j.wire), ',')
}

func (j *jsonSyntax) resource(dst []byte, res *resource.Resource) (out []byte, split int) {
	j.wire, split = protobuf{}.resource(j.wire[:0], res)
	return appendJSONGroup(dst, messageResourceSpans, `"scopeSpans":[`, j.wire[:split], j.wire[split:])
}

func (j *jsonSyntax) scope(dst []byte, scope instrumentation.Scope) (out []byte, split int) {
	j.wire, split = protobuf{}.scope(j.wire[:0], scope)
	return appendJSONGroup(dst, messageScopeSpans, `"spans":[`, j.wire[:split], j.wire[split:])
}

func (*jsonSyntax) header(dst []byte, _, _ int) []byte { return dst }

func (*jsonSyntax) framed(n int) int { return n }

func (*jsonSyntax) closed(dst []byte) []byte { return closeJSON(dst, ']') }

// appendJSONGroup appends what describes a group, head before the members, which go where split says, and tail after them.
func appendJSONGroup(dst []byte, m message, members string, head, tail []byte) (out []byte, split int) {
	dst = append(appendFields(append(dst, '{'), m, head), members...)
	split = len(dst)
	dst = appendFields(append(dst, ','), m, tail)
	return append(closeJSON(dst, '}'), ','), split
}

// closeJSON ends an object or a list with bracket, in the place of the comma after its last member if it has one.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}
