package otlp

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// leastText is the length in bytes to which strings are cut at most. If that is not enough, whole events, links and
	// attributes go.
	leastText = 100
	// maxTries is how often a span is reduced further because its encoding is larger than estimated.
	maxTries = 30
	// frame is the size of a field's tag and length at least.
	frame = 2
	// uncut stands for strings of any length.
	uncut = int(^uint(0) >> 1)
)

// AppendReduced is AppendRequest for span alone. If span is too large, it removes as much as necessary of the following, in
// this order: trace states of links, the ends of the longest strings, the first events (but those of exceptions last), the
// last links, the last attributes, and the last exception. A part stays if a later one in this order is large enough. It
// counts dropped events, links and attributes in the span. If all that is not enough, it reports false and appends nothing.
func (e *Encoder) AppendReduced(dst []byte, span sdktrace.ReadOnlySpan, limit int) (out []byte, fits bool) {
	e.reset(limit)
	scope := e.scopeOf(span)
	most := limit - e.size - e.frame
	if e.MaxSpan > 0 {
		most = min(most, e.MaxSpan)
	}
	target := most
	for tries := 0; tries < maxTries && target > 0; tries++ {
		e.text = appendSpan(e.text[:0], Reduce(span, target))
		size := len(e.text)
		if size <= most {
			e.spans = append(e.spans, spanRef{end: size, scope: scope})
			e.size += e.frame + size
			return e.assemble(dst), true
		}
		target = nextTarget(target, size, most, tries)
	}
	return dst, false
}

// nextTarget returns a smaller target for a reduction whose result has size instead of most bytes. It shrinks in proportion, for
// texts that grow, and in steps that double, for lengths that the estimate leaves out.
func nextTarget(target, size, most, tries int) int {
	next := int(float64(target) / float64(size) * float64(most))
	if step := (size - most) << tries; step < target/8 {
		next = min(next, target-step)
	}
	return next
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

// Reduce returns span if it has at most about size bytes, otherwise a copy with about as many, or with more if that cannot be.
func Reduce(span sdktrace.ReadOnlySpan, size int) sdktrace.ReadOnlySpan {
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
	if spanSize(s, uncut) <= size {
		return s
	}
	s.shed(spanSize(s, leastText) - size)
	s.cutStrings(longestText(s, size))
	return s
}

// shed removes parts that have excess bytes together when the strings are cut to leastText, in the order of
// [Encoder.AppendReduced]. It puts those back that fit after all, the last first: a very large part does not take the small
// ones along.
func (s *reducedSpan) shed(excess int) {
	if excess <= 0 {
		return
	}
	events, links, attributes := make([]bool, len(s.events)), make([]bool, len(s.links)), make([]bool, len(s.attributes))
	type part struct {
		removed *bool
		size    int
	}
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
	for i, link := range slices.Backward(s.links) {
		parts = append(parts, part{&links[i], linkSize(link, leastText)})
	}
	for i, kv := range slices.Backward(s.attributes) {
		parts = append(parts, part{&attributes[i], keyValueSize(kv, leastText)})
	}
	parts = append(parts, exceptions[last:]...)

	n := 0
	for ; n < len(parts) && excess > 0; n++ {
		*parts[n].removed = true
		excess -= parts[n].size
	}
	for _, p := range slices.Backward(parts[:n]) {
		if excess+p.size <= 0 {
			*p.removed = false
			excess += p.size
		}
	}
	s.events, s.droppedEvents = without(events, s.events, s.droppedEvents)
	s.links, s.droppedLinks = without(links, s.links, s.droppedLinks)
	s.attributes, s.droppedAttributes = without(attributes, s.attributes, s.droppedAttributes)
}

// without returns items without the removed ones, and dropped with their number added.
func without[T any](removed []bool, items []T, dropped int) (kept []T, total int) {
	for i, item := range items {
		if !removed[i] {
			kept = append(kept, item)
		}
	}
	return kept, dropped + len(items) - len(kept)
}

// longestText returns the length to which the strings of span must be cut so that it has size bytes, at least leastText.
func longestText(span sdktrace.ReadOnlySpan, size int) int {
	fits, tooLong := leastText, max(size, leastText+1)
	if spanSize(span, fits) > size {
		return fits
	}
	for fits+1 < tooLong {
		if middle := fits + (tooLong-fits)/2; spanSize(span, middle) <= size {
			fits = middle
		} else {
			tooLong = middle
		}
	}
	return fits
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

func cutKeyValues(kvs []attribute.KeyValue, most int) []attribute.KeyValue {
	kvs = slices.Clone(kvs)
	for i := range kvs {
		kvs[i].Value = cutValue(kvs[i].Value, most)
	}
	return kvs
}

func cutValue(v attribute.Value, most int) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(cutText(v.AsString(), most))
	case attribute.BYTESLICE:
		b := v.AsByteSlice()
		return attribute.ByteSliceValue(b[:min(len(b), most)])
	case attribute.STRINGSLICE:
		items := v.AsStringSlice()
		for i := range items {
			items[i] = cutText(items[i], most)
		}
		return attribute.StringSliceValue(items)
	case attribute.SLICE:
		items := slices.Clone(v.AsSlice())
		for i := range items {
			items[i] = cutValue(items[i], most)
		}
		return attribute.SliceValue(items...)
	case attribute.MAP:
		return attribute.MapValue(cutKeyValues(v.AsMap(), most)...)
	}
	return v
}

// cutText cuts s at a rune to most bytes, which include a note of the length.
func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	note := fmt.Sprintf("… (cut, %d bytes)", len(s))
	end := max(most-len(note), 0)
	for range utf8.UTFMax - 1 {
		if end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
	}
	return s[:end] + note
}

// The functions below return sizes on the wire with strings cut to cut bytes. They count no more than there is, and nearly all of
// it, without encoding anything.

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

func textSize(s string, cut int) int {
	if s == "" {
		return 0
	}
	return frame + min(len(s), cut)
}

func stateSize(sc trace.SpanContext) int {
	if state := sc.TraceState(); state.Len() > 0 {
		return textSize(state.String(), uncut)
	}
	return 0
}

func keyValuesSize(kvs []attribute.KeyValue, cut int) (size int) {
	for i := range kvs {
		size += keyValueSize(kvs[i], cut)
	}
	return size
}

func keyValueSize(kv attribute.KeyValue, cut int) int {
	return frame + textSize(string(kv.Key), uncut) + valueSize(kv.Value, cut)
}

func valueSize(v attribute.Value, cut int) int {
	const fixed = 2 * frame // of the value and of its content
	switch v.Type() {
	case attribute.STRING:
		return fixed + min(len(v.AsString()), cut)
	case attribute.BYTESLICE:
		return fixed + min(len(v.AsByteSlice()), cut)
	case attribute.BOOLSLICE:
		return fixed + fixed*len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return fixed + fixed*len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return fixed + (frame+9)*len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		size := fixed
		for _, item := range v.AsStringSlice() {
			size += fixed + min(len(item), cut)
		}
		return size
	case attribute.SLICE:
		size := fixed
		for _, item := range v.AsSlice() {
			size += valueSize(item, cut)
		}
		return size
	case attribute.MAP:
		return fixed + keyValuesSize(v.AsMap(), cut)
	}
	return frame // an empty value has no content
}
