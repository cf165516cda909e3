package replay

import (
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

// Counter counts the items of documents as a [Sender] does, and sends nothing.
type Counter struct {
	counts map[otelenv.Signal]Counts
	seen   map[identity]struct{}
	span   func(traceID []byte)
}

// NewCounter returns a Counter that calls span for each span that has not come before.
func NewCounter(span func(traceID []byte)) *Counter {
	return &Counter{counts: make(map[otelenv.Signal]Counts), seen: make(map[identity]struct{}), span: span}
}

// Counts returns the counts so far: Found and Duplicates.
func (c *Counter) Counts(signal otelenv.Signal) Counts { return c.counts[signal] }

// Add counts the items of a document.
func (c *Counter) Add(d lines.Document) error {
	return entriesOf(d, func(signal otelenv.Signal, e entry) error {
		counts := c.counts[signal]
		defer func() { c.counts[signal] = counts }()
		counts.Found++
		id, err := identify(e)
		if err != nil {
			return err
		}
		if _, again := c.seen[id]; again {
			counts.Duplicates++
			return nil
		}
		c.seen[id] = struct{}{}
		if span, ok := e.item.(*tracepb.Span); ok {
			c.span(span.GetTraceId())
		}
		return nil
	})
}
