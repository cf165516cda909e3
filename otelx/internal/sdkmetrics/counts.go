package sdkmetrics

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// otherReasons is the number of drop reasons that spans do not have. They come last.
const otherReasons = 2

// exporterDrops are the drop reasons of spans that have reached the exporter.
var exporterDrops = []string{"rejected", "refused", "too_large"}

// countsReport observes the delivery counts of one instant whenever the meter provider collects. Processed spans and spans in the
// queue add up to the spans that have ended.
type countsReport struct {
	stats               atomic.Pointer[func() delivery.Stats] // nil until there is one
	capacity            int64
	processor, exporter []attribute.KeyValue

	size, room, inflight metric.Int64ObservableUpDownCounter
	state                metric.Int64ObservableUpDownCounter
	done, sent           metric.Int64ObservableCounter

	registration chan metric.Registration // holds it until it is removed
	last         atomic.Bool              // the next report is the last
}

// instruments makes the instruments and registers the callback.
func (p *countsReport) instruments(meter metric.Meter) error {
	size, err1 := otelconv.NewSDKProcessorSpanQueueSize(meter)
	room, err2 := otelconv.NewSDKProcessorSpanQueueCapacity(meter)
	inflight, err3 := otelconv.NewSDKExporterSpanInflightObservable(meter)
	done, err4 := otelconv.NewSDKProcessorSpanProcessedObservable(meter)
	sent, err5 := otelconv.NewSDKExporterSpanExportedObservable(meter)
	state, err6 := meter.Int64ObservableUpDownCounter(breakerState,
		metric.WithDescription("1 for the state that the breaker is in, 0 for the others."))
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	p.size, p.room, p.inflight = size.Inst(), room.Inst(), inflight.Inst()
	p.done, p.sent, p.state = done.Inst(), sent.Inst(), state
	r, err := meter.RegisterCallback(p.report, p.size, p.room, p.inflight, p.done, p.sent, p.state)
	if err != nil {
		return err
	}
	p.registration <- r
	return nil
}

// report is the callback. The meter provider may call it on any goroutine.
func (p *countsReport) report(_ context.Context, o metric.Observer) error {
	stats := p.stats.Load()
	if stats == nil {
		return nil
	}
	if p.last.Load() {
		defer p.unregister()
	}
	s := (*stats)()
	observe := func(i metric.Int64Observable, n int64, attrs []attribute.KeyValue) {
		o.ObserveInt64(i, n, metric.WithAttributes(attrs...))
	}
	observe(p.size, s.Pending, p.processor)
	observe(p.room, p.capacity, p.processor)
	observe(p.inflight, s.InFlight, p.exporter)
	observe(p.done, s.Exported, p.processor)
	observe(p.sent, s.Exported, p.exporter)
	reasons := s.Dropped.Reasons()
	for _, r := range reasons[:len(reasons)-otherReasons] { // zeros too: an alarm needs the start of each count
		observe(p.done, r.Count, withErrorType(p.processor, r.Name))
		if slices.Contains(exporterDrops, r.Name) {
			observe(p.sent, r.Count, withErrorType(p.exporter, r.Name))
		}
	}
	for _, state := range []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen} {
		is := int64(0)
		if state == s.Breaker {
			is = 1
		}
		observe(p.state, is, append(slices.Clip(p.processor), attribute.String(breakerState, state.String())))
	}
	return nil
}

// unregister removes the callback on another goroutine: the collection that called it may hold what Unregister waits for.
func (p *countsReport) unregister() {
	select {
	case r := <-p.registration:
		// A provider that panics keeps the callback, which does no harm.
		go func() { _ = bounded.Protect(func() { _ = r.Unregister() }) }()
	default:
	}
}
