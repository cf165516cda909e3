package traces

import (
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
)

// encoder makes OTLP requests of spans.
type encoder struct {
	otlp.SpanEncoder
	resourceBytes int
}

var _ delivery.Encoder[sdktrace.ReadOnlySpan] = (*encoder)(nil)

// NewEncoder returns a constructor of encoders. A span has at most spanBytes, 0 for no limit. A resource and one of its
// scopes that have more than resourceBytes together (0: no limit) make a hint.
func NewEncoder(spanBytes, resourceBytes int) func() delivery.Encoder[sdktrace.ReadOnlySpan] {
	return func() delivery.Encoder[sdktrace.ReadOnlySpan] {
		return &encoder{SpanEncoder: otlp.SpanEncoder{MaxSpan: spanBytes}, resourceBytes: resourceBytes}
	}
}

func (e *encoder) Append(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (body []byte, n int) {
	body, n = e.AppendRequest(dst, spans, limit)
	if n == 0 && len(spans) == 1 {
		if body, fits := e.AppendReduced(dst, spans[0], limit); fits {
			return body, 1
		}
	}
	return body, n
}

func (*encoder) Describe(s sdktrace.ReadOnlySpan) string { return fmt.Sprintf("span %q", s.Name()) }

func (e *encoder) Hint() (key string, err error) {
	return encoding.ResourceHint(e.ResourceBytes(), e.resourceBytes)
}
