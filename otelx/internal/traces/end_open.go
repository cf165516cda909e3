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

// below returns the spans with an id in roots and their descendants, in the order of spans, which are all open spans.
func below(roots [][8]byte, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	f := newForest(roots, spans)
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool { return !f.contains(s.SpanContext()) })
}

// forest is the open spans with their parents. Each span is looked at a constant number of times, whatever the number of
// roots.
type forest struct {
	roots   map[trace.SpanID]bool
	parents map[spanKey]trace.SpanContext
	inside  map[spanKey]bool // the answers so far
	// entries has the span of each trace without a parent in this process; a zero id if there are several.
	entries map[trace.TraceID]trace.SpanID
}

func newForest(roots [][8]byte, spans []sdktrace.ReadWriteSpan) *forest {
	f := &forest{
		roots:   make(map[trace.SpanID]bool, len(roots)),
		parents: make(map[spanKey]trace.SpanContext, len(spans)),
		inside:  make(map[spanKey]bool, len(spans)),
		entries: make(map[trace.TraceID]trace.SpanID),
	}
	for _, root := range roots {
		if root != (trace.SpanID{}) { // the root of an invocation without a span, and in entries: several
			f.roots[root] = true
		}
	}
	for _, s := range spans {
		sc, parent := s.SpanContext(), s.Parent()
		f.parents[keyOf(sc)] = parent
		if isEntry(parent) {
			id := sc.SpanID()
			if _, another := f.entries[sc.TraceID()]; another {
				id = trace.SpanID{}
			}
			f.entries[sc.TraceID()] = id
		}
	}
	return f
}

// isEntry reports whether a span with this parent is the topmost of its trace in this process.
func isEntry(parent trace.SpanContext) bool { return !parent.IsValid() || parent.IsRemote() }

// contains reports whether the span is a root or a descendant of one.
//
// A parent that has ended is not in the table, so the chain to the root is broken. Such a span counts as a descendant if
// a root is the only entry of its trace: then it cannot belong to another.
func (f *forest) contains(sc trace.SpanContext) bool {
	var path []spanKey
	var inside bool
	key := keyOf(sc)
	for {
		if known, ok := f.inside[key]; ok {
			inside = known
			break
		}
		f.inside[key] = false // ends a cycle, which a custom ID generator could make
		path = append(path, key)
		if f.roots[key.span] {
			inside = true
			break
		}
		parent, open := f.parents[key]
		if !open {
			inside = f.roots[f.entries[key.trace]]
			break
		}
		if isEntry(parent) {
			inside = parent.IsValid() && f.roots[parent.SpanID()]
			break
		}
		key = spanKey{key.trace, parent.SpanID()}
	}
	for _, key := range path {
		f.inside[key] = inside
	}
	return inside
}
