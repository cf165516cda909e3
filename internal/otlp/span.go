package otlp

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Bits of trace.v1.SpanFlags above the eight W3C trace flags: whether it is known that the parent (of a link: the linked span) is
// remote, and whether it is.
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

// appendResource appends the resource of a trace.v1.ResourceSpans.
func appendResource(dst []byte, res *resource.Resource) []byte {
	dst, mark := open(dst, 1)
	return shut(appendSet(dst, 1, res.Set()), mark)
}

// appendScope appends the scope of a trace.v1.ScopeSpans. One that has at most a schema URL is left out.
func appendScope(dst []byte, scope instrumentation.Scope) []byte {
	if scope.Name == "" && scope.Version == "" && scope.Attributes.Len() == 0 {
		return dst
	}
	dst, mark := open(dst, 1)
	dst = appendString(dst, 1, scope.Name)
	dst = appendString(dst, 2, scope.Version)
	return shut(appendSet(dst, 3, &scope.Attributes), mark)
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

// unixNano returns t in nanoseconds since 1970, clamped to a uint64: 0 before that year, the last instant after 2554.
// time.Time.UnixNano is undefined outside 1678 to 2262, and so for the zero time.
func unixNano(t time.Time) uint64 {
	const perSecond = uint64(time.Second)
	switch seconds := t.Unix(); {
	case seconds < 0:
		return 0
	case uint64(seconds) >= math.MaxUint64/perSecond:
		return math.MaxUint64
	default:
		return uint64(seconds)*perSecond + uint64(t.Nanosecond())
	}
}
