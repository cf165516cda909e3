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

// statsReport observes the counts of Stats, all of one instant, whenever the meter provider collects. As in Stats,
// processed and pending spans add up to the ended spans.
type statsReport struct {
	stats     atomic.Pointer[func() delivery.Stats] // nil until there is one
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

func newStatsReport(processor, exporter []attribute.KeyValue, capacity int) *statsReport {
	var dropTypes []string
	for _, r := range (delivery.Dropped{}).Reasons() {
		dropTypes = append(dropTypes, r.Name)
	}
	return &statsReport{
		capacity:  int64(capacity),
		processed: byErrorType(processor, dropTypes...),
		exported:  byErrorType(exporter, "rejected", "refused", "too_large"), // the others never reach the exporter
		breakers:  byState(processor),

		registration: make(chan metric.Registration, 1),
	}
}

// instruments makes the instruments and registers the callback.
func (p *statsReport) instruments(meter metric.Meter) error {
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
	p.size, p.room, p.inflight = size.Inst(), room.Inst(), inflight.Inst()
	p.done, p.sent, p.breaker = done.Inst(), sent.Inst(), breaker
	r, err := meter.RegisterCallback(p.report, p.size, p.room, p.inflight, p.done, p.sent, p.breaker)
	if err != nil {
		return err
	}
	p.registration <- r
	return nil
}

// report is the callback. The meter provider may call it on any goroutine.
func (p *statsReport) report(_ context.Context, o metric.Observer) error {
	stats := p.stats.Load()
	if stats == nil {
		return nil
	}
	if p.last.Load() {
		defer p.unregister()
	}
	s := (*stats)()
	o.ObserveInt64(p.size, s.Pending, p.processed[""])
	o.ObserveInt64(p.room, p.capacity, p.processed[""])
	o.ObserveInt64(p.inflight, s.InFlight, p.exported[""])
	for state, attrs := range p.breakers {
		o.ObserveInt64(p.breaker, one(state == BreakerState(s.Breaker)), attrs)
	}
	o.ObserveInt64(p.done, s.Exported, p.processed[""])
	o.ObserveInt64(p.sent, s.Exported, p.exported[""])
	for _, r := range s.Dropped.Reasons() { // zeros too: an alarm needs the start of each count
		o.ObserveInt64(p.done, r.Count, p.processed[r.Name])
		if attrs, exported := p.exported[r.Name]; exported {
			o.ObserveInt64(p.sent, r.Count, attrs)
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
func (p *statsReport) unregister() {
	select {
	case r := <-p.registration:
		go func() {
			defer func() { _ = recover() }() // a provider that panics keeps the callback, which does no harm
			_ = r.Unregister()
		}()
	default:
	}
}
