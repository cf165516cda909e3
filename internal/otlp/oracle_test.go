package otlp

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// The oracle builds the expected request with the official types, independently of the encoder. TracesData has the wire format of
// ExportTraceServiceRequest and does not import gRPC.

func wantRequest(stubs []tracetest.SpanStub) *tracepb.TracesData {
	data := new(tracepb.TracesData)
	for _, stub := range stubs {
		scope := stub.Snapshot().InstrumentationScope()
		rs := findResource(data, stub.Resource)
		ss := findScope(rs, scope)
		ss.Spans = append(ss.Spans, wantSpan(stub))
	}
	return data
}

func findResource(data *tracepb.TracesData, res *resource.Resource) *tracepb.ResourceSpans {
	want := &tracepb.ResourceSpans{
		Resource:  &resourcepb.Resource{Attributes: wantKeyValues(res.Attributes())},
		SchemaUrl: utf8Text(res.SchemaURL()),
	}
	for _, have := range data.ResourceSpans {
		if have.SchemaUrl == want.SchemaUrl && proto.Equal(have.Resource, want.Resource) {
			return have
		}
	}
	data.ResourceSpans = append(data.ResourceSpans, want)
	return want
}

func findScope(rs *tracepb.ResourceSpans, scope instrumentation.Scope) *tracepb.ScopeSpans {
	want := &tracepb.ScopeSpans{SchemaUrl: utf8Text(scope.SchemaURL)}
	if scope.Name+scope.Version != "" || scope.Attributes.Len() > 0 {
		want.Scope = &commonpb.InstrumentationScope{
			Name:       utf8Text(scope.Name),
			Version:    utf8Text(scope.Version),
			Attributes: wantKeyValues(scope.Attributes.ToSlice()),
		}
	}
	for _, have := range rs.ScopeSpans {
		if have.SchemaUrl == want.SchemaUrl && proto.Equal(have.Scope, want.Scope) {
			return have
		}
	}
	rs.ScopeSpans = append(rs.ScopeSpans, want)
	return want
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

func wantNanos(t time.Time) uint64 {
	n := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(1e9))
	n.Add(n, big.NewInt(int64(t.Nanosecond())))
	last := new(big.Int).SetUint64(math.MaxUint64 / 1e9 * 1e9) // a last second begun is not written out
	switch {
	case n.Sign() < 0:
		return 0
	case n.Cmp(last) >= 0:
		return math.MaxUint64
	}
	return n.Uint64()
}

func wantCount(n int) uint32 {
	switch {
	case n < 0:
		return 0
	case n > math.MaxUint32:
		return math.MaxUint32
	}
	return uint32(n)
}

func utf8Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func wantKeyValues(kvs []attribute.KeyValue) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for _, kv := range kvs {
		out = append(out, &commonpb.KeyValue{Key: utf8Text(string(kv.Key)), Value: wantValue(kv.Value.AsInterface())})
	}
	return out
}

// wantValue takes plain Go values, including the slices of attributes.
func wantValue(v any) *commonpb.AnyValue {
	switch v := v.(type) {
	case nil:
		return &commonpb.AnyValue{}
	case bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
	case int64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case string:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: utf8Text(v)}}
	case []byte:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v}}
	case []bool:
		return wantArray(v)
	case []int64:
		return wantArray(v)
	case []float64:
		return wantArray(v)
	case []string:
		return wantArray(v)
	case []attribute.Value:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = v[i].AsInterface()
		}
		return wantArray(plain)
	case []attribute.KeyValue:
		list := &commonpb.KeyValueList{Values: wantKeyValues(v)}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: list}}
	}
	panic("a kind of attribute that the oracle does not know")
}

func wantArray[T any](items []T) *commonpb.AnyValue {
	list := new(commonpb.ArrayValue)
	for _, item := range items {
		list.Values = append(list.Values, wantValue(item))
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
}

// decodeStrictly fails the test unless body is a valid request without a field that the official types do not have.
func decodeStrictly(tb testing.TB, body []byte) *tracepb.TracesData {
	tb.Helper()
	got := new(tracepb.TracesData)
	if err := proto.Unmarshal(body, got); err != nil {
		tb.Fatalf("official types refuse the request: %v", err)
	}
	requireKnown(tb, got.ProtoReflect())
	return got
}

func requireKnown(tb testing.TB, m protoreflect.Message) {
	tb.Helper()
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		tb.Fatalf("%s has unknown fields: %x", m.Descriptor().FullName(), unknown)
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				requireKnown(tb, v.List().Get(i).Message())
			}
		default:
			requireKnown(tb, v.Message())
		}
		return true
	})
}

// requireEqual fails the test unless body equals the oracle's request for stubs.
func requireEqual(tb testing.TB, body []byte, stubs []tracetest.SpanStub) {
	tb.Helper()
	got, want := decodeStrictly(tb, body), wantRequest(stubs)
	if !proto.Equal(got, want) {
		tb.Fatalf("request differs (-want +got):\n%s", cmp.Diff(want, got, protocmp.Transform()))
	}
	if canonical, err := (proto.MarshalOptions{Deterministic: true}).Marshal(want); err != nil || string(canonical) != string(body) {
		tb.Fatalf("request says the same in other bytes than the official marshaller's (error %v):\n got %x\nwant %x", err, body, canonical)
	}
}

// requireEncoded fails the test unless a request and a line with all of stubs equal the oracle's request.
func requireEncoded(tb testing.TB, stubs []tracetest.SpanStub) {
	tb.Helper()
	body, n := new(Encoder).AppendRequest(nil, snapshots(stubs), noLimit)
	line, lines := new(LineEncoder).AppendLine(nil, snapshots(stubs), noLimit)
	if n != len(stubs) || lines != n {
		tb.Fatalf("encoded %d and %d spans of %d", n, lines, len(stubs))
	}
	requireEqual(tb, body, stubs)
	requireLine(tb, line, stubs)
}

func snapshots(stubs []tracetest.SpanStub) []sdktrace.ReadOnlySpan {
	return tracetest.SpanStubs(stubs).Snapshots()
}
