package otelx

import (
	"context"
	"errors"
	"sync"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
)

// queue is the way of one signal to one destination: a delivery.Queue, whatever its items are.
type queue interface {
	Flush(ctx context.Context) error
	Shutdown(ctx context.Context) error
	Pending() (n int, flushNow bool)
	SetBackgroundExport(on bool)
	Stats() delivery.Stats
}

// signal is a signal that is on, with a queue for each of its exporters.
type signal struct {
	name   delivery.Signal
	queues []queue
}

// itemsOf names the items of a signal.
func itemsOf(s delivery.Signal) string {
	switch s {
	case delivery.Metrics:
		return "data points"
	case delivery.Logs:
		return "log records"
	default:
		return "spans"
	}
}

// stats returns the sums of the queues' counts, and the state of the breaker that is furthest from closed.
func (s *signal) stats() (sum delivery.Stats) {
	for i, q := range s.queues {
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
	to.Dropped = to.Dropped.Sub(delivery.Dropped{}.Sub(from.Dropped))
	if to.Breaker == breaker.Closed || from.Breaker == breaker.Open {
		to.Breaker = from.Breaker
	}
}

// queueConfig returns the configuration of a signal's queue.
func (s *SDK) queueConfig(name delivery.Signal, x *config.Export) delivery.Config {
	report := faults.NewReporter(s.handler, itemsOf(name))
	return delivery.Config{
		Signal:           name,
		Items:            itemsOf(name),
		Capacity:         x.QueueSize,
		MaxBytes:         x.QueueBytes,
		BatchSize:        x.BatchSize,
		RequestBytes:     x.RequestBytes,
		ItemBytes:        x.Limits.ItemBytes,
		Delay:            *x.ScheduleDelay,
		Timeout:          *x.ExportTimeout,
		DropError:        func(d delivery.Dropped, cause error) error { return newDropError(name, d, cause) },
		OnError:          report.Failure,
		OnPartialSuccess: report.PartialSuccess,
		OnHint:           report.Hint,
	}
}

// queues returns those of all signals.
func (s *SDK) queues() (all []queue) {
	for i := range s.signals {
		all = append(all, s.signals[i].queues...)
	}
	return all
}

// concurrently makes the call for every queue at once, and joins the errors in the order of the queues.
func (s *SDK) concurrently(ctx context.Context, call func(queue, context.Context) error) error {
	all := s.queues()
	errs := make([]error, len(all))
	var calls sync.WaitGroup
	for i := 1; i < len(all); i++ {
		calls.Go(func() { errs[i] = call(all[i], ctx) })
	}
	errs[0] = call(all[0], ctx)
	calls.Wait()
	if len(all) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
