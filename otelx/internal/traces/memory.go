package traces

import (
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The parts of a span in memory, in bytes, on 64-bit systems, without the texts.
const (
	spanBytes      = 500
	attributeBytes = 72
	eventBytes     = 80
	linkBytes      = 90
	elementBytes   = 16 // of a list
)

// memoryOf estimates how many bytes an ended span has in memory.
func memoryOf(s sdktrace.ReadOnlySpan) int {
	n := spanBytes + len(s.Name()) + len(s.Status().Description) + attributesMemory(s.Attributes())
	for _, e := range s.Events() {
		n += eventBytes + len(e.Name) + attributesMemory(e.Attributes)
	}
	for _, l := range s.Links() {
		n += linkBytes + l.SpanContext.TraceState().Len()*elementBytes + attributesMemory(l.Attributes)
	}
	return n
}

func attributesMemory(attrs []attribute.KeyValue) (n int) {
	for i := range attrs {
		n += attributeBytes + len(attrs[i].Key) + valueMemory(attrs[i].Value)
	}
	return n
}

// valueMemory estimates the bytes of a value besides its place in an attribute.
func valueMemory(v attribute.Value) (n int) {
	switch v.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
	case attribute.STRING:
		n = len(v.AsString())
	default:
		n = len(v.String())
	}
	return n
}
