package traces

import (
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The parts of a span in memory, in bytes, on 64-bit systems, without the texts.
const (
	spanBytes      = 450
	attributeBytes = 64
	eventBytes     = 72
	linkBytes      = 96
	stringBytes    = 16 // of a list
	stateBytes     = 32 // of a member of a trace state
)

// memoryOf estimates how many bytes an ended span has in memory.
func memoryOf(s sdktrace.ReadOnlySpan) int {
	n := spanBytes + len(s.Name()) + len(s.Status().Description) + attributesMemory(s.Attributes())
	for _, e := range s.Events() {
		n += eventBytes + len(e.Name) + attributesMemory(e.Attributes)
	}
	for _, l := range s.Links() {
		n += linkBytes + l.SpanContext.TraceState().Len()*stateBytes + attributesMemory(l.Attributes)
	}
	return n
}

func attributesMemory(attrs []attribute.KeyValue) (n int) {
	for i := range attrs {
		n += attributeBytes + len(attrs[i].Key) + valueMemory(attrs[i].Value)
	}
	return n
}

// valueMemory estimates the bytes of a value besides its place in an attribute. The lists that a value returns are copies, but
// their texts are not.
func valueMemory(v attribute.Value) (n int) {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString())
	case attribute.BOOLSLICE:
		return len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return 8 * len(v.AsFloat64Slice())
	case attribute.BYTESLICE:
		return len(v.AsByteSlice())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			n += stringBytes + len(s)
		}
	case attribute.SLICE:
		for _, item := range v.AsSlice() {
			n += attributeBytes + valueMemory(item)
		}
	case attribute.MAP:
		return attributesMemory(v.AsMap())
	}
	return n
}
