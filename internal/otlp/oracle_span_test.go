package otlp

import (
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var spanSignal = signal[sdktrace.ReadOnlySpan]{
	encoder: func() encoder[sdktrace.ReadOnlySpan] { return new(SpanEncoder) },
	lines:   NewSpanLineEncoder,
	data:    func() proto.Message { return new(tracepb.TracesData) },
	add: func(request protoreflect.Message, span sdktrace.ReadOnlySpan) {
		scope := wantScope(request, span.Resource(), span.InstrumentationScope())
		scope.Append(protoreflect.ValueOfMessage(wantSpan(tracetest.SpanStubFromReadOnlySpan(span)).ProtoReflect()))
	},
}

func requireEncoded(tb testing.TB, stubs []tracetest.SpanStub) {
	tb.Helper()
	spanSignal.requireEncoded(tb, snapshots(stubs))
}

func requireEqual(tb testing.TB, body []byte, stubs []tracetest.SpanStub) {
	tb.Helper()
	spanSignal.requireEqual(tb, body, snapshots(stubs))
}

func snapshots(stubs []tracetest.SpanStub) []sdktrace.ReadOnlySpan {
	return tracetest.SpanStubs(stubs).Snapshots()
}

var wantKinds = map[trace.SpanKind]tracepb.Span_SpanKind{
	trace.SpanKindInternal: tracepb.Span_SPAN_KIND_INTERNAL,
	trace.SpanKindServer:   tracepb.Span_SPAN_KIND_SERVER,
	trace.SpanKindClient:   tracepb.Span_SPAN_KIND_CLIENT,
	trace.SpanKindProducer: tracepb.Span_SPAN_KIND_PRODUCER,
	trace.SpanKindConsumer: tracepb.Span_SPAN_KIND_CONSUMER,
}

var wantCodes = map[codes.Code]tracepb.Status_StatusCode{
	codes.Ok:    tracepb.Status_STATUS_CODE_OK,
	codes.Error: tracepb.Status_STATUS_CODE_ERROR,
}

func wantSpan(s tracetest.SpanStub) *tracepb.Span {
	traceID, spanID, parentID := s.SpanContext.TraceID(), s.SpanContext.SpanID(), s.Parent.SpanID()
	span := &tracepb.Span{
		TraceId:                traceID[:],
		SpanId:                 spanID[:],
		TraceState:             s.SpanContext.TraceState().String(),
		Flags:                  wantFlags(s.SpanContext, s.Parent),
		Name:                   utf8Text(s.Name),
		Kind:                   wantKinds[s.SpanKind],
		StartTimeUnixNano:      wantNanos(s.StartTime),
		EndTimeUnixNano:        wantNanos(s.EndTime),
		Attributes:             wantKeyValues(s.Attributes),
		DroppedAttributesCount: wantCount(s.DroppedAttributes),
		DroppedEventsCount:     wantCount(s.DroppedEvents),
		DroppedLinksCount:      wantCount(s.DroppedLinks),
		Status:                 &tracepb.Status{Code: wantCodes[s.Status.Code], Message: utf8Text(s.Status.Description)},
	}
	if parentID != (trace.SpanID{}) {
		span.ParentSpanId = parentID[:]
	}
	for _, e := range s.Events {
		span.Events = append(span.Events, &tracepb.Span_Event{
			TimeUnixNano:           wantNanos(e.Time),
			Name:                   utf8Text(e.Name),
			Attributes:             wantKeyValues(e.Attributes),
			DroppedAttributesCount: wantCount(e.DroppedAttributeCount),
		})
	}
	for _, l := range s.Links {
		linkTrace, linkSpan := l.SpanContext.TraceID(), l.SpanContext.SpanID()
		span.Links = append(span.Links, &tracepb.Span_Link{
			TraceId:                linkTrace[:],
			SpanId:                 linkSpan[:],
			TraceState:             l.SpanContext.TraceState().String(),
			Flags:                  wantFlags(l.SpanContext, l.SpanContext),
			Attributes:             wantKeyValues(l.Attributes),
			DroppedAttributesCount: wantCount(l.DroppedAttributeCount),
		})
	}
	return span
}

func wantFlags(own, other trace.SpanContext) uint32 {
	flags := uint32(own.TraceFlags()) + uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if other.IsRemote() {
		flags += uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return flags
}
