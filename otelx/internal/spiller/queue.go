package spiller

import (
	"context"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/spill"
)

// Queue is a queue whose items can be spilled.
type Queue struct {
	items string                 // spans, for example
	idle  func() <-chan struct{} // see delivery.Queue
	// spill writes the pending items until ctx ends. It calls found with their number, and then spilled with the number of those
	// that are written.
	spill func(ctx context.Context, lines *spill.Writer, found, spilled func(n int)) error
}

// Of returns q as a Queue. items names its items, such as "spans", and newEncoder makes the encoder of their lines.
func Of[T any](q *delivery.Queue[T], items string, newEncoder func() spill.Encoder[T]) Queue {
	return Queue{items, q.Idle, func(ctx context.Context, lines *spill.Writer, found, spilled func(n int)) error {
		_, err := q.Spill(func(items []T, done func(from, to int)) error {
			found(len(items))
			return spill.Write(ctx, lines, newEncoder(), items, func(from, to int) {
				done(from, to)
				spilled(to - from)
			})
		})
		return err
	}}
}
