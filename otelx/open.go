package otelx

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// endOpen ends those of spans, all that are open, oldest first, that are root or below it (zero: all). The youngest ends
// first, and all end at the same moment, with status Error and reason, and with errorType (empty: none) where they have no
// error.type. It returns how many. No lock is held while a span ends, as that calls span processors.
func endOpen(spans []sdktrace.ReadWriteSpan, root trace.SpanID, errorType, reason string) int {
	if root.IsValid() {
		spans = below(root, spans)
	}
	n, now := 0, []trace.SpanEndOption{trace.WithTimestamp(time.Now())}
	for _, s := range slices.Backward(spans) {
		if !s.IsRecording() { // ended meanwhile
			continue
		}
		if errorType != "" && !hasErrorType(s.Attributes()) {
			s.SetAttributes(semconv.ErrorTypeKey.String(errorType))
		}
		s.SetStatus(codes.Error, reason)
		s.End(now...)
		n++
	}
	return n
}

// hasErrorType reports whether who made the span has said already what went wrong.
func hasErrorType(attrs []attribute.KeyValue) bool {
	return slices.ContainsFunc(attrs, func(kv attribute.KeyValue) bool { return kv.Key == semconv.ErrorTypeKey })
}

// below returns those of spans that are root or descend from it.
func below(root trace.SpanID, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	f := familyOf(root, spans)
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool { return !f.has(s.SpanContext()) })
}

// around returns what below does, and the spans that root descends from.
func around(root trace.SpanID, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	f := familyOf(root, spans)
	above := f.above()
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool {
		return !f.has(s.SpanContext()) && !slices.Contains(above, s.SpanContext().SpanID())
	})
}

// entered reports whether a span with that parent is the topmost of its trace in this process.
func entered(parent trace.SpanContext) bool { return !parent.IsValid() || parent.IsRemote() }

// family is the open spans as a forest, seen from one root.
type family struct {
	root    trace.SpanID
	trace   trace.TraceID                      // of root; zero if root is not open
	parents map[trace.SpanID]trace.SpanContext // of each open span
	adopts  bool                               // spans of the trace with a broken chain are root's
}

// familyOf looks at spans, all that are open, from root.
//
// A parent that has ended is not among spans, and with it the chain upwards is lost. Such a span counts as a descendant
// if it is in root's trace and root is the only one there that came into the process from outside or began the trace:
// then it can have no other root.
func familyOf(root trace.SpanID, spans []sdktrace.ReadWriteSpan) family {
	f := family{parents: make(map[trace.SpanID]trace.SpanContext, len(spans)), root: root}
	for _, s := range spans {
		id, parent := s.SpanContext(), s.Parent()
		f.parents[id.SpanID()] = parent
		if id.SpanID() == root {
			f.trace = id.TraceID()
		}
	}
	f.adopts = f.trace.IsValid()
	for _, s := range spans {
		sc := s.SpanContext()
		if sc.TraceID() == f.trace && entered(s.Parent()) != (sc.SpanID() == root) {
			f.adopts = false
		}
	}
	return f
}

// above returns the ids of the open spans that root descends from.
func (f family) above() (ids []trace.SpanID) {
	id := f.root
	for range len(f.parents) {
		parent, open := f.parents[id]
		if !open || entered(parent) {
			break
		}
		id = parent.SpanID()
		ids = append(ids, id)
	}
	return ids
}

func (f family) has(sc trace.SpanContext) bool {
	id := sc.SpanID()
	for range len(f.parents) + 1 { // a chain is no longer than that, whatever ids a custom generator makes
		if id == f.root {
			return true
		}
		parent, open := f.parents[id]
		if !open {
			return f.adopts && sc.TraceID() == f.trace
		}
		if entered(parent) {
			return parent.SpanID() == f.root && parent.IsValid()
		}
		id = parent.SpanID()
	}
	return false
}
