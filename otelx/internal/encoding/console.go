package encoding

import (
	"context"
	"io"
	"math"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
)

// NewConsole returns an exporter that writes items to w as lines of OTLP JSON, each with at most perLine items, with the encoder
// that spills use too.
func NewConsole[T any](w io.Writer, encoder *otlp.LineEncoder[T], perLine int) delivery.ItemSender[T] {
	return &console[T]{w: w, encoder: encoder, perLine: perLine}
}

// console belongs to one goroutine at a time.
type console[T any] struct {
	w       io.Writer
	encoder *otlp.LineEncoder[T]
	perLine int
	line    []byte
}

// SendItems writes each line with one Write, so that other output stands between lines.
func (x *console[T]) SendItems(ctx context.Context, items []T) error {
	for len(items) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(x.perLine, len(items))
		x.line, _ = x.encoder.AppendLine(x.line[:0], items[:n], math.MaxInt)
		if _, err := x.w.Write(x.line); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// Close leaves the writer to its owner.
func (*console[T]) Close(context.Context) error { return nil }
