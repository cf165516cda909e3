package otlp

import (
	"encoding/hex"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// appendJSONSpan appends a trace.v1.Span as an object. As on the wire, what has its default is left out.
func appendJSONSpan(dst []byte, span sdktrace.ReadOnlySpan) []byte {
	sc, parent := span.SpanContext(), span.Parent()
	dst = appendJSONIdentity(append(dst, '{'), sc)
	if parent.HasSpanID() {
		id := parent.SpanID()
		dst = appendJSONHex(dst, `"parentSpanId":`, id[:])
	}
	dst = appendJSONText(dst, `"name":`, span.Name())
	dst = appendJSONUint(dst, `"kind":`, kindNumber(span.SpanKind()))
	dst = appendJSONUint64(dst, `"startTimeUnixNano":`, unixNano(span.StartTime()))
	dst = appendJSONUint64(dst, `"endTimeUnixNano":`, unixNano(span.EndTime()))
	dst = appendJSONAttributes(dst, span.Attributes())
	dst = appendJSONCount(dst, `"droppedAttributesCount":`, span.DroppedAttributes())
	dst = appendJSONList(dst, `"events":[`, span.Events(), appendJSONEvent)
	dst = appendJSONCount(dst, `"droppedEventsCount":`, span.DroppedEvents())
	dst = appendJSONList(dst, `"links":[`, span.Links(), appendJSONLink)
	dst = appendJSONCount(dst, `"droppedLinksCount":`, span.DroppedLinks())
	dst = appendJSONStatus(dst, span.Status())
	dst = appendJSONUint(dst, `"flags":`, uint64(flags(sc, parent)))
	return closeJSON(dst, '}')
}

// appendJSONIdentity appends the three fields that begin both a Span and a Link.
func appendJSONIdentity(dst []byte, sc trace.SpanContext) []byte {
	traceID, spanID := sc.TraceID(), sc.SpanID()
	dst = appendJSONHex(dst, `"traceId":`, traceID[:])
	dst = appendJSONHex(dst, `"spanId":`, spanID[:])
	if state := sc.TraceState(); state.Len() > 0 {
		dst = appendJSONText(dst, `"traceState":`, state.String())
	}
	return dst
}

func appendJSONEvent(dst []byte, event sdktrace.Event) []byte {
	dst = appendJSONUint64(append(dst, '{'), `"timeUnixNano":`, unixNano(event.Time))
	dst = appendJSONText(dst, `"name":`, event.Name)
	dst = appendJSONAttributes(dst, event.Attributes)
	dst = appendJSONCount(dst, `"droppedAttributesCount":`, event.DroppedAttributeCount)
	return closeJSON(dst, '}')
}

func appendJSONLink(dst []byte, link sdktrace.Link) []byte {
	dst = appendJSONIdentity(append(dst, '{'), link.SpanContext)
	dst = appendJSONAttributes(dst, link.Attributes)
	dst = appendJSONCount(dst, `"droppedAttributesCount":`, link.DroppedAttributeCount)
	dst = appendJSONUint(dst, `"flags":`, uint64(flags(link.SpanContext, link.SpanContext)))
	return closeJSON(dst, '}')
}

func appendJSONStatus(dst []byte, status sdktrace.Status) []byte {
	dst = appendJSONText(append(dst, `"status":{`...), `"message":`, status.Description)
	switch status.Code {
	case codes.Ok:
		dst = appendJSONUint(dst, `"code":`, 1)
	case codes.Error:
		dst = appendJSONUint(dst, `"code":`, 2)
	}
	return append(closeJSON(dst, '}'), ',')
}

// appendJSONList appends a field that is a list; head is its name and bracket.
func appendJSONList[T any](dst []byte, head string, items []T, appendItem func([]byte, T) []byte) []byte {
	if len(items) == 0 {
		return dst
	}
	dst = append(dst, head...)
	for _, item := range items {
		dst = append(appendItem(dst, item), ',')
	}
	return append(closeJSON(dst, ']'), ',')
}

func appendJSONHex(dst []byte, name string, id []byte) []byte {
	dst = append(append(dst, name...), '"')
	return append(hex.AppendEncode(dst, id), `",`...)
}
