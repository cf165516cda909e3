// Package spill writes undelivered items as lines of OTLP JSON, for a process that ends while its backend is down.
//
// Each line is a whole export request. `epilogue replay` reads such lines from a log and sends them; package
// internal/spill/lines is its reader. The OpenTelemetry Collector's otlpjsonfile receiver reads them too.
package spill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

const (
	// MaxLineBytes bounds a line. An event of CloudWatch Logs had at most 256 KB until 2025 and has 1 MB since (Amazon
	// CloudWatch Logs User Guide, "CloudWatch Logs quotas"); longer ones are cut. The line must also fit into an event in
	// which it is quoted once more.
	MaxLineBytes = 200 << 10
	// DefaultMaxBytes bounds all lines of a process together.
	DefaultMaxBytes = 1 << 20
)

// Encoder encodes items of one signal. AppendLine appends to dst one line, with its line feed, that holds the longest
// prefix of items which fits in limit bytes. It returns dst unchanged and n == 0 if the first item alone does not fit.
// AppendReducedLine appends a line of one item, reduced so that it fits; false: it cannot be.
type Encoder[T any] interface {
	AppendLine(dst []byte, items []T, limit int) (out []byte, n int)
	AppendReducedLine(dst []byte, item T, limit int) (out []byte, fits bool)
}

// Writer writes lines to an io.Writer of the user. The lines of all signals share one bound.
type Writer struct {
	w        io.Writer
	maxBytes int
	slot     bounded.Slot // of Write, which owns used
	used     int          // bytes so far
}

// NewWriter returns a Writer of at most maxBytes in all to w.
func NewWriter(w io.Writer, maxBytes int) *Writer { return &Writer{w: w, maxBytes: maxBytes} }

// Write writes items to w, the first one first, with one call of io.Writer.Write for each line, until ctx ends. After each
// line it calls spilled with the range of items in that line, items[from:to]. Items for which a line, or the rest of the bytes, has no
// room are left out. The error says why some items were not written; nil means that all were.
//
// A call that does not return is left behind when ctx ends. The line under way may then still be written, and spilled still
// be called. Until that call has returned, every further Write fails. The caller must not use encoder again after a Write
// that failed.
func Write[T any](ctx context.Context, w *Writer, encoder Encoder[T], items []T, spilled func(from, to int)) error {
	return w.slot.Call(ctx, 0, func(ctx context.Context) error { return writeLines(ctx, w, encoder, items, spilled) })
}

func writeLines[T any](ctx context.Context, w *Writer, encoder Encoder[T], items []T, spilled func(from, to int)) error {
	var line []byte
	tooLarge, noRoom := 0, 0
	var n int
	for from := 0; from < len(items); from += n {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left := w.maxBytes - w.used
		line, n = encoder.AppendLine(line[:0], items[from:], min(MaxLineBytes, left))
		fits := n > 0
		if !fits {
			n = 1
			if left < MaxLineBytes { // a smaller one may follow
				noRoom++
				continue
			}
			line, fits = encoder.AppendReducedLine(line[:0], items[from], MaxLineBytes)
		}
		if !fits {
			tooLarge++
			continue
		}
		if err := w.writeLine(line); err != nil {
			return err
		}
		spilled(from, from+n)
	}
	var errs []string
	if tooLarge > 0 {
		errs = append(errs, fmt.Sprintf("%d too large for a line of %d bytes", tooLarge, MaxLineBytes))
	}
	if noRoom > 0 {
		errs = append(errs, fmt.Sprintf("%d do not fit into the limit of %d bytes for all lines", noRoom, w.maxBytes))
	}
	if errs == nil {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}

func (w *Writer) writeLine(line []byte) error {
	n, err := w.w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err == nil {
		w.used += len(line)
	}
	return err
}
