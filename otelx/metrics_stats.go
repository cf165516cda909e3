package otelx

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"
)

// statsReport observes the counts of Stats at one moment, whenever the meter provider collects. As in Stats, processed and queued
// spans add up to the ended ones.
type statsReport struct {
	stats     atomic.Pointer[func() Stats] // nil until there is one
	exporting *atomic.Int64
	capacity  int64
	processed map[string]metric.MeasurementOption // attributes by error type; never changed
	exported  map[string]metric.MeasurementOption
	breakers  map[BreakerState]metric.MeasurementOption // attributes by state; never changed

	size, room, inflight metric.Int64ObservableUpDownCounter
	breaker              metric.Int64ObservableUpDownCounter
	done, sent           metric.Int64ObservableCounter

	registration chan metric.Registration // holds it until it is removed
	last         atomic.Bool              // the next report is the last
}

func newStatsReport(processor, exporter []attribute.KeyValue, capacity int, exporting *atomic.Int64) *statsReport {
	var dropTypes []string
	for _, r := range (Dropped{}).all() {
		dropTypes = append(dropTypes, r.name)
	}
	return &statsReport{
		exporting: exporting,
		capacity:  int64(capacity),
		processed: byErrorType(processor, dropTypes...),
		exported:  byErrorType(exporter, "rejected", "refused", "too_large"), // the others never reach the exporter
		breakers:  byState(processor),

		registration: make(chan metric.Registration, 1),
	}
}

// instruments makes the instruments and registers the callback.
func (a *statsReport) instruments(meter metric.Meter) error {
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

// report is the callback. The meter provider may call it on any goroutine.
func (a *statsReport) report(_ context.Context, o metric.Observer) error {
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
	o.ObserveInt64(a.inflight, a.exporting.Load(), a.exported[""])
	for state, attrs := range a.breakers {
		o.ObserveInt64(a.breaker, one(state == s.Breaker), attrs)
	}
	o.ObserveInt64(a.done, s.Exported, a.processed[""])
	o.ObserveInt64(a.sent, s.Exported, a.exported[""])
	for _, r := range s.Dropped.all() { // also those that are zero: an alarm needs to see where a count begins
		o.ObserveInt64(a.done, r.count, a.processed[r.name])
		if attrs, exported := a.exported[r.name]; exported {
			o.ObserveInt64(a.sent, r.count, attrs)
		}
	}
	return nil
}

// byState returns the attributes of each state of the breaker.
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

// unregister removes the callback on another goroutine: the collection that called it may hold what Unregister waits for.
func (a *statsReport) unregister() {
	select {
	case r := <-a.registration:
		go func() {
			defer func() { _ = recover() }() // a provider that panics keeps the callback, which does no harm
			_ = r.Unregister()
		}()
	default:
	}
}
