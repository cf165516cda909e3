package otlpreceiver

import (
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Span is a received span. IDs are in lower-case hex; attribute values are nil, bool, int64, float64, string, []byte,
// []any or map[string]any.
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

// Service returns the service.name of the span's resource, "" if it has none.
func (s Span) Service() string {
	name, _ := s.Resource["service.name"].(string)
	return name
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

// word returns "server" for "SPAN_KIND_SERVER".
func word(enum, prefix string) string { return strings.ToLower(strings.TrimPrefix(enum, prefix)) }

// instant is the time of OTLP's nanoseconds since 1970; 0 means none.
func instant(nanos uint64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC()
}

func attributes(kvs []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		out[kv.GetKey()] = plain(kv.GetValue())
	}
	return out
}

// plain is v as a Go value.
func plain(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BytesValue:
		return v.BytesValue
	case *commonpb.AnyValue_ArrayValue:
		items := make([]any, 0, len(v.ArrayValue.GetValues()))
		for _, item := range v.ArrayValue.GetValues() {
			items = append(items, plain(item))
		}
		return items
	case *commonpb.AnyValue_KvlistValue:
		return attributes(v.KvlistValue.GetValues())
	default:
		return nil
	}
}
