package otelx

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// pipeline takes spans from the provider to their destination.
type pipeline struct {
	processor *traces.Processor
	queue     *traces.Queue
	engine    *delivery.Engine
	metrics   measurer // nil: none
	spiller   *spiller // nil: none
}

// newPipeline returns nil if nothing is exported.
func (c *config) newPipeline(env *otelenv.Reader) *pipeline {
	d := c.resolveDestination(env)
	if d == (destination{}) {
		return nil
	}
	capacity, batch := c.sizes(env)
	p := &pipeline{}
	d, p.metrics = c.measure(env, d, capacity)
	limits := c.resolveLimits()
	settings := c.queueConfig(env, capacity, batch)
	if d.exporter != nil {
		p.engine = delivery.NewItemEngine()
		p.queue = delivery.NewItemQueue(p.engine, settings, d.exporter)
	} else {
		p.engine = delivery.NewEngine(d.sender, delivery.NewResources(settings.RequestBytes))
		p.queue = delivery.NewQueue(p.engine, settings, traces.NewEncoder(limits.SpanBytes, limits.ResourceBytes))
	}
	if p.metrics != nil {
		p.metrics.observe(p.queue.Stats)
	}
	p.spiller = c.newSpiller(env, p.queue)
	p.processor = traces.NewProcessor(p.queue, capacity, p)
	return p
}

// queueConfig returns the configuration of the span queue.
func (c *config) queueConfig(env *otelenv.Reader, capacity, batch int) delivery.Config {
	report := newReporter()
	return delivery.Config{
		Signal:           delivery.Traces,
		Items:            "spans",
		Capacity:         capacity,
		BatchSize:        batch,
		RequestBytes:     c.requestSize(env),
		ItemBytes:        c.resolveLimits().SpanBytes,
		Delay:            env.Millis(5*time.Second, "OTEL_BSP_SCHEDULE_DELAY"),
		Timeout:          env.Millis(30*time.Second, "OTEL_BSP_EXPORT_TIMEOUT"),
		Hedge:            true, // backends recognize a span by its ids
		DropError:        func(d delivery.Dropped, cause error) error { return &DropError{Dropped: Dropped(d), Cause: cause} },
		OnError:          report.failure,
		OnPartialSuccess: report.remark,
		OnHint:           report.hint,
	}
}

// ForceFlush is [SDK.ForceFlush], also for callers of the tracer provider.
func (p *pipeline) ForceFlush(ctx context.Context) error {
	if p.metrics == nil {
		return p.queue.Flush(ctx)
	}
	began := time.Now()
	err := p.queue.Flush(ctx)
	p.metrics.flushEnded(ctx, began, err)
	return err
}

// Shutdown is [SDK.Shutdown], also for callers of the tracer provider.
func (p *pipeline) Shutdown(ctx context.Context) error {
	err := p.spiller.shutdown(ctx, p.queue)
	if p.metrics != nil {
		p.metrics.close()
	}
	return err
}
