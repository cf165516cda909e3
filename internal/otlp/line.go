package otlp

import sdktrace "go.opentelemetry.io/otel/sdk/trace"

// LineEncoder writes spans as lines of OTLP JSON. Each line is a whole request, which the OpenTelemetry Collector's otlpjsonfile
// receiver reads and its file exporter writes. It keeps memory as an [Encoder] does.
//
// The zero value is ready. A LineEncoder must not be used by several goroutines at once.
type LineEncoder struct {
	request Encoder
	wire    []byte
	growth  float64 // bytes of JSON for each byte of protobuf in the last line; 0: there was none
}

// AppendLine appends to dst one line, including its line feed, that holds a prefix of spans which fits in limit bytes, and
// returns the result with the length of that prefix. If n is 0, nothing is appended: spans is empty, or its first span does not
// fit in limit. Nothing is appended either if all spans are nil; they count as written.
//
// The line has the content of [Encoder.AppendRequest] for the same spans, in the same order. Its only line feed is the last byte.
// It is valid UTF-8 and follows the JSON Protobuf Encoding of the OpenTelemetry Protocol Specification: IDs in
// hexadecimal digits, enumerations as numbers, 64-bit integers as decimal strings, bytes in base64, and "NaN", "Infinity" and
// "-Infinity" for numbers that JSON does not have.
//
// Spans are encoded as protobuf and then rewritten with the names of their fields, so that their content is defined once. The
// number of spans for a line is found from the growth of the last one.
func (e *LineEncoder) AppendLine(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	const usualGrowth = 2
	if e.growth == 0 {
		e.growth = usualGrowth
	}
	for len(spans) > 0 {
		e.wire, n = e.request.AppendRequest(e.wire[:0], spans, int(float64(limit)/e.growth))
		if n == 0 { // the first span may be one that grows less than the last line
			e.wire, n = e.request.AppendRequest(e.wire[:0], spans[:1], limit)
		}
		if len(e.wire) == 0 {
			return dst, n
		}
		out = append(appendObject(dst, messageRequest, e.wire), '\n')
		size := len(out) - len(dst)
		e.growth = float64(size) / float64(len(e.wire))
		if size <= limit {
			return out, n
		}
		spans = spans[:n-1]
	}
	return dst, 0
}

// AppendReducedLine is AppendLine for span alone, reduced as by [Encoder.AppendReduced] if it is too large.
func (e *LineEncoder) AppendReducedLine(dst []byte, span sdktrace.ReadOnlySpan, limit int) (out []byte, fits bool) {
	budget := limit
	for tries := 0; tries < maxTries && budget > 0; tries++ {
		e.wire, fits = e.request.AppendReduced(e.wire[:0], span, budget)
		if !fits {
			break
		}
		out = append(appendObject(dst, messageRequest, e.wire), '\n')
		size := len(out) - len(dst)
		if size <= limit {
			return out, true
		}
		budget = nextTarget(min(budget, len(e.wire)), size, limit, tries)
	}
	return dst, false
}
