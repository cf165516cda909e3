// Package pipeline is the way of each signal to its destinations: settings, engines and queues. It knows no items.
package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
)

// Queue is the way of one signal to one destination: a delivery.Queue, whatever its items are.
type Queue interface {
	Flush(ctx context.Context) error
	Shutdown(ctx context.Context) error
	Pending() (n int, flushNow bool)
	SetBackgroundExport(on bool)
	Stats() delivery.Stats
}

// ForceFlush calls q's ForceFlush if it has one, as that of metrics, which then collects in any case; otherwise Flush.
func ForceFlush(q Queue, ctx context.Context) error { //nolint:revive // as a method expression
	if f, ok := q.(interface {
		ForceFlush(ctx context.Context) error
	}); ok {
		return f.ForceFlush(ctx)
	}
	return q.Flush(ctx)
}

// Signal is a signal that is on.
type Signal struct {
	Name   delivery.Signal
	Queues []Queue         // one for each exporter
	Spills []spiller.Queue // those of Queues whose items can be spilled
}

// ItemsOf names the items of a signal.
func ItemsOf(s delivery.Signal) string {
	switch s {
	case delivery.Metrics:
		return "data points"
	case delivery.Logs:
		return "log records"
	default:
		return "spans"
	}
}

// Stats returns the sums of the queues' counts, and the state of the breaker that is furthest from closed.
func (s *Signal) Stats() (sum delivery.Stats) {
	for i, q := range s.Queues {
		st := q.Stats()
		if i > 0 {
			addStats(&st, &sum)
		}
		sum = st
	}
	return sum
}

func addStats(to, from *delivery.Stats) {
	to.Ended += from.Ended
	to.Exported += from.Exported
	to.Pending += from.Pending
	to.InFlight += from.InFlight
	to.Spilled += from.Spilled
	to.Superseded += from.Superseded
	to.Repeated += from.Repeated
	to.Dropped = to.Dropped.Sub(delivery.Dropped{}.Sub(from.Dropped))
	if to.Breaker == breaker.Closed || from.Breaker == breaker.Open {
		to.Breaker = from.Breaker
	}
}

// Concurrently makes the call for every queue at once, and joins the errors in the order of the queues.
func Concurrently(ctx context.Context, queues []Queue, call func(Queue, context.Context) error) error {
	errs := make([]error, len(queues))
	var calls sync.WaitGroup
	for i := 1; i < len(queues); i++ {
		calls.Go(func() { errs[i] = call(queues[i], ctx) })
	}
	errs[0] = call(queues[0], ctx)
	calls.Wait()
	if len(queues) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
