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

// endOpen ends those of spans, all open ones with the oldest first, that are at or below one of roots; nil roots mean all.
// The youngest ends first, and all get the same end time. No lock is held while a span ends, because that calls span
// processors. It returns how many spans it ended.
func endOpen(spans []sdktrace.ReadWriteSpan, roots [][8]byte, errorType, reason string) int {
	if roots != nil {
		spans = below(roots, spans)
	}
	n, now := 0, []trace.SpanEndOption{trace.WithTimestamp(time.Now())}
	for _, s := range slices.Backward(spans) {
		if !s.IsRecording() { // it has ended meanwhile
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

// hasErrorType reports whether the program has set error.type.
func hasErrorType(attrs []attribute.KeyValue) bool {
	return slices.ContainsFunc(attrs, func(kv attribute.KeyValue) bool { return kv.Key == semconv.ErrorTypeKey })
}

// below returns those of spans that are one of roots or descend from one.
func below(roots [][8]byte, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	f := newForest(roots, spans)
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool { return !f.selected(idsOf(s.SpanContext())) })
}

// spanIDs identify a span. The IDs of spans alone need not: a generator may make the same ones in each trace.
type spanIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

func idsOf(sc trace.SpanContext) spanIDs { return spanIDs{sc.TraceID(), sc.SpanID()} }

// forest is the open spans with their parents. Each span is looked up once, whatever the number of roots.
type forest struct {
	roots   map[trace.SpanID]bool
	parents map[spanIDs]trace.SpanContext // of each open span
	adopted map[trace.TraceID]bool        // a span of the trace with a broken chain of parents is below a root
	known   map[spanIDs]bool              // what selected has found; false while it looks
}

// newForest builds the forest of spans.
//
// If a parent has ended, the chain upwards is broken. The span is then below a root if it can be below no other one: the
// root is the only entry of the trace into this process.
func newForest(roots [][8]byte, spans []sdktrace.ReadWriteSpan) *forest {
	f := &forest{
		roots:   make(map[trace.SpanID]bool, len(roots)),
		parents: make(map[spanIDs]trace.SpanContext, len(spans)),
		adopted: map[trace.TraceID]bool{},
		known:   make(map[spanIDs]bool, len(spans)),
	}
	for _, root := range roots {
		f.roots[root] = true
	}
	entries := map[trace.TraceID]int{}
	for _, s := range spans {
		ids, parent := idsOf(s.SpanContext()), s.Parent()
		f.parents[ids] = parent
		if isEntry(parent) {
			entries[ids.trace]++
			f.adopted[ids.trace] = entries[ids.trace] == 1 && f.roots[ids.span]
		}
	}
	return f
}

// isEntry reports whether a span with that parent is the topmost one of its trace in this process.
func isEntry(parent trace.SpanContext) bool { return !parent.IsValid() || parent.IsRemote() }

// selected reports whether a span is a root or descends from one.
func (f *forest) selected(ids spanIDs) bool {
	var path []spanIDs
	for {
		found, known := f.known[ids]
		if !known {
			found, known = f.decide(ids)
		}
		f.known[ids] = found // false breaks a cycle, which a generator of the program's own may make
		path = append(path, ids)
		if known {
			for _, p := range path {
				f.known[p] = found
			}
			return found
		}
		ids = idsOf(f.parents[ids])
	}
}

// decide reports whether a span is selected, if that does not depend on its parent.
func (f *forest) decide(ids spanIDs) (selected, known bool) {
	parent, open := f.parents[ids]
	switch {
	case f.roots[ids.span]:
		return true, true
	case !open:
		return f.adopted[ids.trace], true
	case isEntry(parent):
		return parent.IsValid() && f.roots[parent.SpanID()], true
	}
	return false, false
}
