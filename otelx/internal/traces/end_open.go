package traces

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// EndOpenSpans ends the open spans with an id in roots and all below them; every open span if roots is nil. Each gets
// the status Error with reason (unless its status is Ok), the attribute error.type (unless it has one, or errorType is
// empty), and the same end time. The youngest span ends first. It returns how many spans it has ended.
//
// No lock is held while a span ends, since that calls span processors.
func (p *Processor) EndOpenSpans(roots [][8]byte, errorType, reason string) int {
	spans := p.open.list()
	if roots != nil {
		spans = below(roots, spans)
	}
	n, now := 0, trace.WithTimestamp(time.Now())
	for _, s := range slices.Backward(spans) {
		if !s.IsRecording() { // ended meanwhile
			continue
		}
		if errorType != "" && !hasErrorType(s.Attributes()) {
			s.SetAttributes(semconv.ErrorTypeKey.String(errorType))
		}
		s.SetStatus(codes.Error, reason)
		s.End(now)
		n++
	}
	return n
}

func hasErrorType(attrs []attribute.KeyValue) bool {
	return slices.ContainsFunc(attrs, func(kv attribute.KeyValue) bool { return kv.Key == semconv.ErrorTypeKey })
}

// below returns the spans with an id in roots and their descendants, in the order of spans. These are all open spans in the
// order of their starts, so a parent comes before its children.
//
// A parent that has ended is not among them, so the chain to the root is broken. Such a span counts as a descendant if a
// root is the only entry of its trace into this process: then it cannot belong to another.
func below(roots [][8]byte, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	isRoot := make(map[trace.SpanID]bool, len(roots))
	for _, root := range roots {
		isRoot[root] = root != trace.SpanID{} // that is the root of an invocation without a span
	}
	entries := entriesOf(spans)
	inside := make(map[spanKey]bool, len(spans))
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool {
		sc, parent := s.SpanContext(), s.Parent()
		above, open := inside[spanKey{sc.TraceID(), parent.SpanID()}]
		switch {
		case isRoot[sc.SpanID()] || isRoot[parent.SpanID()]:
			above = true
		case !open:
			above = isRoot[entries[sc.TraceID()]]
		}
		inside[keyOf(sc)] = above
		return !above
	})
}

// entriesOf returns the span of each trace without a parent in this process; a zero id if there are several.
func entriesOf(spans []sdktrace.ReadWriteSpan) map[trace.TraceID]trace.SpanID {
	entries := make(map[trace.TraceID]trace.SpanID)
	for _, s := range spans {
		if !isEntry(s.Parent()) {
			continue
		}
		sc := s.SpanContext()
		id := sc.SpanID()
		if _, another := entries[sc.TraceID()]; another {
			id = trace.SpanID{}
		}
		entries[sc.TraceID()] = id
	}
	return entries
}

// isEntry reports whether a span with this parent is the topmost of its trace in this process.
func isEntry(parent trace.SpanContext) bool { return !parent.IsValid() || parent.IsRemote() }
