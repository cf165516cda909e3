package otlp

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// AppendReduced is AppendRequest for span alone. If span is too large, it removes as much as necessary of the
// following, in this order: trace states of links, the ends of the longest strings, the first events (but those of
// exceptions last), the last links, the last attributes, and the last exception. A part stays if a later one in this
// order is large enough. It counts dropped events, links and attributes in the span. If all that is not enough, it
// reports false and appends nothing.
func (e *SpanEncoder) AppendReduced(dst []byte, span sdktrace.ReadOnlySpan, limit int) (out []byte, fits bool) {
	scope := span.InstrumentationScope()
	return e.reduceOne(dst, limit, e.MaxSpan, span.Resource(), &scope, func(dst []byte, target int) []byte {
		return appendSpan(dst, ReduceSpan(span, target))
	})
}

// reducedSpan is a span without the parts for which its destination has no room.
type reducedSpan struct {
	sdktrace.ReadOnlySpan
	name              string
	status            sdktrace.Status
	attributes        []attribute.KeyValue
	events            []sdktrace.Event
	links             []sdktrace.Link
	droppedAttributes int
	droppedEvents     int
	droppedLinks      int
}

func (s *reducedSpan) Name() string                     { return s.name }
func (s *reducedSpan) Status() sdktrace.Status          { return s.status }
func (s *reducedSpan) Attributes() []attribute.KeyValue { return s.attributes }
func (s *reducedSpan) Events() []sdktrace.Event         { return s.events }
func (s *reducedSpan) Links() []sdktrace.Link           { return s.links }
func (s *reducedSpan) DroppedAttributes() int           { return s.droppedAttributes }
func (s *reducedSpan) DroppedEvents() int               { return s.droppedEvents }
func (s *reducedSpan) DroppedLinks() int                { return s.droppedLinks }

// ReduceSpan returns span if it has at most about size bytes, otherwise a copy with about as many, or with more if that
// cannot be.
func ReduceSpan(span sdktrace.ReadOnlySpan, size int) sdktrace.ReadOnlySpan {
	if spanSize(span, uncut) <= size {
		return span
	}
	s := &reducedSpan{
		ReadOnlySpan: span, name: span.Name(), status: span.Status(), attributes: span.Attributes(), events: span.Events(),
		droppedAttributes: span.DroppedAttributes(), droppedEvents: span.DroppedEvents(), droppedLinks: span.DroppedLinks(),
	}
	for _, link := range span.Links() {
		link.SpanContext = link.SpanContext.WithTraceState(trace.TraceState{})
		s.links = append(s.links, link)
	}
	sizeAt := func(cut int) int { return spanSize(s, cut) }
	if sizeAt(uncut) <= size {
		return s
	}
	s.shed(sizeAt(leastText) - size)
	s.cutStrings(longestText(sizeAt, size))
	return s
}

// shed removes parts that have excess bytes together, in the order of [SpanEncoder.AppendReduced].
func (s *reducedSpan) shed(excess int) {
	if excess <= 0 {
		return
	}
	events, links, attributes := make([]bool, len(s.events)), make([]bool, len(s.links)), make([]bool, len(s.attributes))
	var parts, exceptions []part
	for i, event := range s.events {
		p := part{&events[i], eventSize(event, leastText)}
		if event.Name == "exception" {
			exceptions = append(exceptions, p)
		} else {
			parts = append(parts, p)
		}
	}
	last := max(len(exceptions)-1, 0)
	parts = append(parts, exceptions[:last]...)
	parts = appendLastFirst(parts, links, func(i int) int { return linkSize(s.links[i], leastText) })
	parts = appendLastFirst(parts, attributes, func(i int) int { return keyValueSize(s.attributes[i], leastText) })
	shed(append(parts, exceptions[last:]...), excess)
	s.events, s.droppedEvents = without(events, s.events, s.droppedEvents)
	s.links, s.droppedLinks = without(links, s.links, s.droppedLinks)
	s.attributes, s.droppedAttributes = without(attributes, s.attributes, s.droppedAttributes)
}

// cutStrings cuts the strings of s to most bytes.
func (s *reducedSpan) cutStrings(most int) {
	s.name, s.status.Description = cutText(s.name, most), cutText(s.status.Description, most)
	s.attributes = cutKeyValues(s.attributes, most)
	s.events, s.links = slices.Clone(s.events), slices.Clone(s.links)
	for i := range s.events {
		e := &s.events[i]
		e.Name, e.Attributes = cutText(e.Name, most), cutKeyValues(e.Attributes, most)
	}
	for i := range s.links {
		s.links[i].Attributes = cutKeyValues(s.links[i].Attributes, most)
	}
}

// spanSize returns the size of span on the wire, as the functions in reduce.go do.
func spanSize(span sdktrace.ReadOnlySpan, cut int) int {
	const fixed = 28 + 2 + 6 // ids, status and flags; the rest may be absent
	size := fixed + stateSize(span.SpanContext()) + textSize(span.Name(), cut) + textSize(span.Status().Description, cut)
	size += keyValuesSize(span.Attributes(), cut)
	for _, event := range span.Events() {
		size += eventSize(event, cut)
	}
	for _, link := range span.Links() {
		size += linkSize(link, cut)
	}
	return size
}

func eventSize(event sdktrace.Event, cut int) int {
	return frame + textSize(event.Name, cut) + keyValuesSize(event.Attributes, cut)
}

func linkSize(link sdktrace.Link, cut int) int {
	const fixed = 28 + 5 // ids and flags
	return frame + fixed + stateSize(link.SpanContext) + keyValuesSize(link.Attributes, cut)
}

func stateSize(sc trace.SpanContext) int {
	if state := sc.TraceState(); state.Len() > 0 {
		return textSize(state.String(), uncut)
	}
	return 0
}
