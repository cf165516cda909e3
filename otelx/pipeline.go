package otelx

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// pipeline takes spans from the provider to their destination.
type pipeline struct {
	processor *traces.Processor
	queue     *traces.Queue
	engine    *delivery.Engine
	metrics   sdkmetrics.Recorder // nil: none
	spiller   *spiller.Spiller    // nil: none
}

// newPipeline returns nil if c is nil. The pipeline works even if there is an error.
func newPipeline(c *config.Export) (*pipeline, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // a nil pipeline exports nothing
	}
	p := &pipeline{}
	var err error
	if c.NewRecorder != nil {
		p.metrics, err = newRecorder(c)
	}
	p.connect(c)
	if p.metrics != nil {
		p.metrics.Observe(p.queue.Stats)
	}
	p.spiller = spiller.New(p.queue, c.Spill, c.SpillBytes)
	p.processor = traces.NewProcessor(p.queue, c.QueueSize, p)
	return p, err
}

// connect makes queue and engine for the destination.
func (p *pipeline) connect(c *config.Export) {
	settings := queueConfig(c)
	if exporter := c.Exporter; exporter != nil {
		items := traces.ItemSender(exporter)
		if p.metrics != nil {
			items = p.metrics.Exporter(items)
		}
		p.engine = delivery.NewItemEngine()
		p.queue = delivery.NewItemQueue(p.engine, settings, items)
		return
	}
	sender := c.Sender
	if sender == nil {
		sender = newHTTPSender(c.OTLP)
	}
	if p.metrics != nil {
		sender = p.metrics.Sender(sender)
	}
	p.engine = delivery.NewEngine(sender, delivery.NewResources(settings.RequestBytes))
	p.queue = delivery.NewQueue(p.engine, settings, traces.NewEncoder(c.Limits.ItemBytes, c.Limits.ResourceBytes))
}

// newRecorder returns nil with an error.
func newRecorder(c *config.Export) (sdkmetrics.Recorder, error) {
	s := sdkmetrics.Subject{QueueSize: c.QueueSize}
	switch {
	case c.Exporter != nil:
		s.Exporter = c.Exporter
	case c.Sender != nil:
		s.Exporter = c.Sender
	default:
		s.Endpoint = c.OTLP.URL
	}
	m, err := c.NewRecorder(s)
	if err != nil {
		return nil, fmt.Errorf("WithMeterProvider: %w; there are no metrics", err)
	}
	return m, nil
}

// queueConfig returns the configuration of the span queue.
func queueConfig(c *config.Export) delivery.Config {
	report := faults.NewReporter()
	return delivery.Config{
		Signal:           delivery.Traces,
		Items:            "spans",
		Capacity:         c.QueueSize,
		BatchSize:        c.BatchSize,
		RequestBytes:     c.RequestBytes,
		ItemBytes:        c.Limits.ItemBytes,
		Delay:            c.Delay,
		Timeout:          c.Timeout,
		Hedge:            true, // backends recognize a span by its ids
		DropError:        newDropError,
		OnError:          report.Failure,
		OnPartialSuccess: report.PartialSuccess,
		OnHint:           report.Hint,
	}
}

// ForceFlush is [SDK.ForceFlush], also for callers of the tracer provider.
func (p *pipeline) ForceFlush(ctx context.Context) error {
	if p.metrics == nil {
		return p.queue.Flush(ctx)
	}
	began := time.Now()
	err := p.queue.Flush(ctx)
	p.metrics.FlushEnded(ctx, began, err)
	return err
}

// Shutdown is [SDK.Shutdown], also for callers of the tracer provider.
func (p *pipeline) Shutdown(ctx context.Context) error {
	err := p.spiller.Shutdown(ctx, p.queue)
	if p.metrics != nil {
		p.metrics.Close()
	}
	return err
}
