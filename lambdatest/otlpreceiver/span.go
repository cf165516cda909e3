package otlpreceiver

import (
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Span is a received span. IDs are in lower-case hex; the package doc lists the types of attribute values.
type Span struct {
	TraceID, SpanID string
	ParentSpanID    string // "" for none
	TraceState      string
	Flags           uint32 // W3C trace flags, and the bits that say whether the parent is remote
	Name            string
	Kind            string // "internal", "server", "client", "producer", "consumer" or "unspecified"
	Start, End      time.Time
	Status          string // "unset", "ok" or "error"
	StatusMessage   string
	Attributes      map[string]any
	Events          []Event
	Links           []Link

	DroppedAttributes, DroppedEvents, DroppedLinks uint32

	Resource     map[string]any // the resource's attributes
	Scope        string         // the instrumentation scope's name
	ScopeVersion string

	Arrived time.Time // when it was kept
	Request int       // the number of the request that brought it
}

// Service returns the service.name of the span's resource, "" if it has none.
func (s Span) Service() string { return service(s.Resource) }

// Event is an event of a span.
type Event struct {
	Name       string
	Time       time.Time
	Attributes map[string]any
}

// Link points from a span to another.
type Link struct {
	TraceID, SpanID string
	TraceState      string
	Flags           uint32
	Attributes      map[string]any
}

func (d *decoder) spans(request *tracepb.TracesData) []Span {
	var out []Span
	for _, rs := range request.GetResourceSpans() {
		resource := attributes(rs.GetResource().GetAttributes())
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				span := d.span(s)
				span.Resource = resource
				span.Scope, span.ScopeVersion = ss.GetScope().GetName(), ss.GetScope().GetVersion()
				out = append(out, span)
			}
		}
	}
	return out
}

func (d *decoder) span(s *tracepb.Span) Span {
	span := Span{
		TraceID: d.id(s.GetTraceId(), 16), SpanID: d.id(s.GetSpanId(), 8), ParentSpanID: d.id(s.GetParentSpanId(), 8),
		TraceState: s.GetTraceState(), Flags: s.GetFlags(),
		Name: s.GetName(), Kind: word(s.GetKind().String(), "SPAN_KIND_"),
		Start: instant(s.GetStartTimeUnixNano()), End: instant(s.GetEndTimeUnixNano()),
		Status: word(s.GetStatus().GetCode().String(), "STATUS_CODE_"), StatusMessage: s.GetStatus().GetMessage(),
		Attributes:        attributes(s.GetAttributes()),
		DroppedAttributes: s.GetDroppedAttributesCount(), DroppedEvents: s.GetDroppedEventsCount(), DroppedLinks: s.GetDroppedLinksCount(),
	}
	for _, e := range s.GetEvents() {
		span.Events = append(span.Events, Event{
			Name: e.GetName(), Time: instant(e.GetTimeUnixNano()), Attributes: attributes(e.GetAttributes()),
		})
	}
	for _, l := range s.GetLinks() {
		span.Links = append(span.Links, Link{
			TraceID: d.id(l.GetTraceId(), 16), SpanID: d.id(l.GetSpanId(), 8),
			TraceState: l.GetTraceState(), Flags: l.GetFlags(), Attributes: attributes(l.GetAttributes()),
		})
	}
	return span
}
