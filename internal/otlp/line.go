package otlp

import (
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// LineEncoder writes the items of one signal as lines of OTLP JSON. Each line is a whole request, which the
// OpenTelemetry Collector's otlpjsonfile receiver reads and its file exporter writes. It keeps memory as a
// [SpanEncoder] does.
//
// A LineEncoder must not be used by several goroutines at once.
type LineEncoder[T any] struct {
	request encoder[T]
	table   *table
	wire    []byte
	growth  float64 // bytes of JSON for each byte of protobuf in the last line
}

// encoder encodes the items of one signal as protobuf.
type encoder[T any] interface {
	AppendRequest(dst []byte, items []T, limit int) (out []byte, n int)
	AppendReduced(dst []byte, item T, limit int) (out []byte, fits bool)
}

const usualGrowth = 2

// NewSpanLineEncoder returns a LineEncoder of spans.
func NewSpanLineEncoder() *LineEncoder[sdktrace.ReadOnlySpan] {
	return &LineEncoder[sdktrace.ReadOnlySpan]{request: new(SpanEncoder), table: &spanTable, growth: usualGrowth}
}

// NewMetricLineEncoder returns a LineEncoder of points.
func NewMetricLineEncoder() *LineEncoder[Point] {
	return &LineEncoder[Point]{request: new(MetricEncoder), table: &metricTable, growth: usualGrowth}
}

// NewLogLineEncoder returns a LineEncoder of log records.
func NewLogLineEncoder() *LineEncoder[sdklog.Record] {
	return &LineEncoder[sdklog.Record]{request: new(LogEncoder), table: &logTable, growth: usualGrowth}
}

// AppendLine appends to dst one line, including its line feed, that holds a prefix of items which fits in limit bytes,
// and returns the result with the length of that prefix. If n is 0, nothing is appended: items is empty, or its first
// item does not fit in limit. Nothing is appended either if all items are nil; they count as written.
//
// The line has the content of AppendRequest of the signal's encoder for the same items, in the same order. Its only
// line feed is the last byte. It is valid UTF-8 and follows the JSON Protobuf Encoding of the OpenTelemetry Protocol
// Specification: IDs in hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings, bytes in
// base64, and "NaN", "Infinity" and "-Infinity" for numbers that JSON does not have.
//
// Items are encoded as protobuf and then rewritten with the names of their fields, so that their content is defined
// once. The number of items for a line is found from the growth of the last one.
func (e *LineEncoder[T]) AppendLine(dst []byte, items []T, limit int) (out []byte, n int) {
	for len(items) > 0 {
		e.wire, n = e.request.AppendRequest(e.wire[:0], items, int(float64(limit)/e.growth))
		if n == 0 { // the first item may be one that grows less than the last line
			e.wire, n = e.request.AppendRequest(e.wire[:0], items[:1], limit)
		}
		if len(e.wire) == 0 {
			return dst, n
		}
		out = append(e.table.appendObject(dst, messageRequest, e.wire), '\n')
		size := len(out) - len(dst)
		e.growth = float64(size) / float64(len(e.wire))
		if size <= limit {
			return out, n
		}
		items = items[:n-1]
	}
	return dst, 0
}

// AppendReducedLine is AppendLine for item alone, reduced as by AppendReduced of the signal's encoder if it is too
// large.
func (e *LineEncoder[T]) AppendReducedLine(dst []byte, item T, limit int) (out []byte, fits bool) {
	budget := limit
	for tries := 0; tries < maxTries && budget > 0; tries++ {
		e.wire, fits = e.request.AppendReduced(e.wire[:0], item, budget)
		if !fits {
			break
		}
		out = append(e.table.appendObject(dst, messageRequest, e.wire), '\n')
		size := len(out) - len(dst)
		if size <= limit {
			return out, true
		}
		budget = nextTarget(min(budget, len(e.wire)), size, limit, tries)
	}
	return dst, false
}
