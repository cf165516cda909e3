package traces

import (
	"context"
	"io"
	"math"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otlp"
)

// NewConsole returns an exporter that writes each span to w as a line of OTLP JSON.
func NewConsole(w io.Writer) sdktrace.SpanExporter {
	return &console{w: w, encoder: otlp.NewSpanLineEncoder()}
}

// console writes each span as a line of OTLP JSON, with the encoder that spills use too. One goroutine uses it at a
// time.
type console struct {
	w       io.Writer
	encoder *otlp.LineEncoder[sdktrace.ReadOnlySpan]
	line    []byte
}

// ExportSpans writes one line for each span with one Write, so that other output stands between lines.
func (x *console) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range spans {
		x.line, _ = x.encoder.AppendLine(x.line[:0], spans[i:i+1], math.MaxInt)
		if _, err := x.w.Write(x.line); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown leaves the writer to its owner.
func (*console) Shutdown(context.Context) error { return nil }
