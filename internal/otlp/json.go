package otlp

import (
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The text around the resources of a line.
const (
	lineHead = `{"resourceSpans":[`
	lineTail = "}\n"
)

// LineEncoder writes spans as lines of OTLP JSON. Each line is a whole request, which the OpenTelemetry Collector's otlpjsonfile
// receiver reads and its file exporter writes. It keeps memory as an [Encoder] does.
//
// The zero value is ready. A LineEncoder must not be used by several goroutines at once.
type LineEncoder struct {
	gathering
	syntax jsonSyntax
}

// AppendLine appends to dst one line, including its line feed, that holds the longest prefix of spans which fits in
// limit bytes, and returns the result with the length of that prefix. If n is 0, nothing is appended: spans is empty, or its
// first span does not fit in limit. Nothing is appended either if all spans are nil; they count as written.
//
// The line has the content of [Encoder.AppendRequest] for the same spans, in the same order. Its only line feed is the last byte.
// It is valid UTF-8 and follows the JSON Protobuf Encoding of the OpenTelemetry Protocol Specification: IDs in
// hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings, bytes in base64, and "NaN", "Infinity" and
// "-Infinity" for numbers that JSON does not have.
func (e *LineEncoder) AppendLine(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	begin := len(dst)
	n = e.gather(&e.syntax, spans, max(limit, 0)-len(lineHead)-len(lineTail))
	dst = e.assemble(append(dst, lineHead...))
	if len(dst) == begin+len(lineHead) {
		return dst[:begin], n
	}
	return append(e.syntax.closed(dst), lineTail...), n
}

// jsonSyntax is OTLP's JSON encoding. Each part of a request is encoded as protobuf and then rewritten with the names of its
// fields, so the content of spans, resources and scopes is defined once. Each member ends with a comma; the bracket that closes
// the list replaces the last one.
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

// appendJSONGroup appends the description of a group: head, the position of the members at split, and tail.
func appendJSONGroup(dst []byte, m message, members string, head, tail []byte) (out []byte, split int) {
	dst = append(appendFields(append(dst, '{'), m, head), members...)
	split = len(dst)
	dst = appendFields(append(dst, ','), m, tail)
	return append(closeJSON(dst, '}'), ','), split
}

// closeJSON ends an object or a list with bracket, which replaces the comma after the last member.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}
