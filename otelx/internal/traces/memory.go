package traces

import (
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
)

// The parts of a span in memory, in bytes, on 64-bit systems, without the texts.
const (
	spanBytes  = 450
	eventBytes = 72
	linkBytes  = 96
	stateBytes = 32 // of a member of a trace state
)

// memoryOf estimates how many bytes an ended span has in memory.
func memoryOf(s sdktrace.ReadOnlySpan) int {
	n := spanBytes + len(s.Name()) + len(s.Status().Description) + encoding.AttributesMemory(s.Attributes())
	for _, e := range s.Events() {
		n += eventBytes + len(e.Name) + encoding.AttributesMemory(e.Attributes)
	}
	for _, l := range s.Links() {
		n += linkBytes + l.SpanContext.TraceState().Len()*stateBytes + encoding.AttributesMemory(l.Attributes)
	}
	return n
}
