package otelx

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// account reports the counts of Stats, all of one instant, whenever the meter provider collects. As in Stats, what has
// been processed and what is in the queue add up to the spans that have ended.
type account struct {
	stats     atomic.Pointer[func() delivery.Stats] // nil until there is one
	capacity  int64
	processed map[string]metric.MeasurementOption // attributes by error type; never changed
	exported  map[string]metric.MeasurementOption
	breakers  map[BreakerState]metric.MeasurementOption // attributes by state; never changed

	size, room, inflight metric.Int64ObservableUpDownCounter
	breaker              metric.Int64ObservableUpDownCounter
	done, sent           metric.Int64ObservableCounter

	registration chan metric.Registration // holds it once it is known, until it is over
	last         atomic.Bool              // the next report is the last
}

func newAccount(processor, exporter []attribute.KeyValue, capacity int) *account {
	var dropTypes []string
	for _, r := range (delivery.Dropped{}).Reasons() {
		dropTypes = append(dropTypes, r.Name)
	}
	return &account{
		capacity:  int64(capacity),
		processed: byErrorType(processor, dropTypes...),
		exported:  byErrorType(exporter, "rejected", "refused", "too_large"), // the others never come to the exporter
		breakers:  byState(processor),

		registration: make(chan metric.Registration, 1),
	}
}

// instruments makes the instruments and registers the callback.
func (a *account) instruments(meter metric.Meter) error {
	size, err1 := otelconv.NewSDKProcessorSpanQueueSize(meter)
	room, err2 := otelconv.NewSDKProcessorSpanQueueCapacity(meter)
	inflight, err3 := otelconv.NewSDKExporterSpanInflightObservable(meter)
	done, err4 := otelconv.NewSDKProcessorSpanProcessedObservable(meter)
	sent, err5 := otelconv.NewSDKExporterSpanExportedObservable(meter)
	breaker, err6 := meter.Int64ObservableUpDownCounter(breakerState,
		metric.WithDescription("1 for the state that the breaker is in, 0 for the others."))
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	a.size, a.room, a.inflight = size.Inst(), room.Inst(), inflight.Inst()
	a.done, a.sent, a.breaker = done.Inst(), sent.Inst(), breaker
	r, err := meter.RegisterCallback(a.report, a.size, a.room, a.inflight, a.done, a.sent, a.breaker)
	if err != nil {
		return err
	}
	a.registration <- r
	return nil
}

// report is the callback; the meter provider calls it, from where it likes.
func (a *account) report(_ context.Context, o metric.Observer) error {
	stats := a.stats.Load()
	if stats == nil {
		return nil
	}
	if a.last.Load() {
		defer a.unregister()
	}
	s := (*stats)()
	o.ObserveInt64(a.size, s.Pending, a.processed[""])
	o.ObserveInt64(a.room, a.capacity, a.processed[""])
	o.ObserveInt64(a.inflight, s.InFlight, a.exported[""])
	for state, attrs := range a.breakers {
		o.ObserveInt64(a.breaker, one(state == BreakerState(s.Breaker)), attrs)
	}
	o.ObserveInt64(a.done, s.Exported, a.processed[""])
	o.ObserveInt64(a.sent, s.Exported, a.exported[""])
	for _, r := range s.Dropped.Reasons() { // those that are zero too: an alarm needs to see where a count begins
		o.ObserveInt64(a.done, r.Count, a.processed[r.Name])
		if attrs, exported := a.exported[r.Name]; exported {
			o.ObserveInt64(a.sent, r.Count, attrs)
		}
	}
	return nil
}

// byState makes the attributes of each of the breaker's states.
func byState(base []attribute.KeyValue) map[BreakerState]metric.MeasurementOption {
	sets := make(map[BreakerState]metric.MeasurementOption)
	for _, state := range []BreakerState{BreakerClosed, BreakerOpen, BreakerHalfOpen} {
		attrs := append([]attribute.KeyValue{attribute.String(breakerState, state.String())}, base...)
		sets[state] = metric.WithAttributeSet(attribute.NewSet(attrs...))
	}
	return sets
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// unregister takes the callback back, beside the collection that it is called from: that may hold what Unregister
// waits for.
func (a *account) unregister() {
	select {
	case r := <-a.registration:
		go func() {
			defer func() { _ = recover() }() // the provider's own trouble; the callback does no harm
			_ = r.Unregister()
		}()
	default:
	}
}
