package otlp

import (
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// SpanEncoder writes spans as requests. It keeps its memory from one request to the next. Encoding into a used buffer
// then allocates nothing, except for attributes that are slices or maps and for trace states, of which the API returns
// copies.
//
// The zero value is ready. A SpanEncoder must not be used by several goroutines at once.
type SpanEncoder struct {
	// MaxSpan is how many bytes the encoding of a span may have; 0 is no limit. It must not change.
	MaxSpan int

	request
}

// AppendRequest appends to dst the protobuf bytes of an ExportTraceServiceRequest that holds the longest prefix of
// spans which fits in limit bytes, less up to two for each resource and scope. It returns the result with the length of
// that prefix. If n is 0, nothing is appended: spans is empty, or its first span is larger than MaxSpan or does not fit
// in limit.
//
// Spans are grouped by resource and instrumentation scope, in the order in which these first appear; inside a scope
// they keep their order. A nil span counts as sent and writes nothing. In strings that are not UTF-8 each run of
// invalid bytes becomes U+FFFD. Arrays and maps nested deeper than 30 levels are sent as text.
func (e *SpanEncoder) AppendRequest(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	e.reset(limit)
	for ; n < len(spans); n++ {
		e.expect(n, len(spans))
		if spans[n] != nil && !e.add(spans[n]) {
			break
		}
	}
	return e.assemble(dst), n
}

// add encodes span and adds it to the request, unless the request would exceed its limit.
func (e *SpanEncoder) add(span sdktrace.ReadOnlySpan) (fits bool) {
	if exceeds(func(cut int) int { return spanSize(span, cut) }, e.room(e.MaxSpan)) {
		return false
	}
	begin := len(e.text)
	e.text = appendSpan(e.text, span)
	scope := span.InstrumentationScope()
	return e.place(begin, e.MaxSpan, span.Resource(), &scope)
}

// Bits of trace.v1.SpanFlags above the eight W3C trace flags: whether it is known that the parent (of a link: the
// linked span) is remote, and whether it is.
const (
	flagHasIsRemote = 0x100
	flagIsRemote    = 0x200
)

// appendSpan appends the content of a trace.v1.Span, fields in ascending order.
func appendSpan(dst []byte, span sdktrace.ReadOnlySpan) []byte {
	sc, parent := span.SpanContext(), span.Parent()
	dst = appendIdentity(dst, sc)
	if parent.HasSpanID() {
		id := parent.SpanID()
		dst = appendBytes(dst, 4, id[:])
	}
	dst = appendString(dst, 5, span.Name())
	dst = appendUint(dst, 6, kindNumber(span.SpanKind()))
	dst = appendFixed64(dst, 7, unixNano(span.StartTime()))
	dst = appendFixed64(dst, 8, unixNano(span.EndTime()))
	dst = appendKeyValues(dst, 9, span.Attributes(), 0)
	dst = appendCount(dst, 10, span.DroppedAttributes())
	for _, event := range span.Events() {
		dst = appendEvent(dst, 11, event)
	}
	dst = appendCount(dst, 12, span.DroppedEvents())
	for _, link := range span.Links() {
		dst = appendLink(dst, 13, link)
	}
	dst = appendCount(dst, 14, span.DroppedLinks())
	dst = appendStatus(dst, 15, span.Status())
	return appendFixed32(dst, 16, flags(sc, parent))
}

// appendIdentity appends the three fields that begin both a Span and a Link.
func appendIdentity(dst []byte, sc trace.SpanContext) []byte {
	traceID, spanID := sc.TraceID(), sc.SpanID()
	dst = appendBytes(dst, 1, traceID[:])
	dst = appendBytes(dst, 2, spanID[:])
	if state := sc.TraceState(); state.Len() > 0 {
		dst = appendString(dst, 3, state.String())
	}
	return dst
}

func appendEvent(dst []byte, field int, event sdktrace.Event) []byte {
	dst, mark := open(dst, field)
	dst = appendFixed64(dst, 1, unixNano(event.Time))
	dst = appendString(dst, 2, event.Name)
	dst = appendKeyValues(dst, 3, event.Attributes, 0)
	dst = appendCount(dst, 4, event.DroppedAttributeCount)
	return shut(dst, mark)
}

func appendLink(dst []byte, field int, link sdktrace.Link) []byte {
	dst, mark := open(dst, field)
	dst = appendIdentity(dst, link.SpanContext)
	dst = appendKeyValues(dst, 4, link.Attributes, 0)
	dst = appendCount(dst, 5, link.DroppedAttributeCount)
	dst = appendFixed32(dst, 6, flags(link.SpanContext, link.SpanContext))
	return shut(dst, mark)
}

func appendStatus(dst []byte, field int, status sdktrace.Status) []byte {
	dst, mark := open(dst, field)
	dst = appendString(dst, 2, status.Description)
	switch status.Code {
	case codes.Ok:
		dst = appendUint(dst, 3, 1)
	case codes.Error:
		dst = appendUint(dst, 3, 2)
	}
	return shut(dst, mark)
}

// flags returns the trace flags of sc, and whether other, the parent or the linked span, is remote.
func flags(sc, other trace.SpanContext) uint32 {
	f := uint32(sc.TraceFlags()) | flagHasIsRemote
	if other.IsRemote() {
		f |= flagIsRemote
	}
	return f
}

// kindNumber returns the number of kind in trace.v1.Span.SpanKind, 0 for an unknown kind.
func kindNumber(kind trace.SpanKind) uint64 {
	switch kind {
	case trace.SpanKindInternal:
		return 1
	case trace.SpanKindServer:
		return 2
	case trace.SpanKindClient:
		return 3
	case trace.SpanKindProducer:
		return 4
	case trace.SpanKindConsumer:
		return 5
	default:
		return 0
	}
}
