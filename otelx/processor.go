package otelx

import (
	"context"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// processor is what the SDK's provider drives: it notes spans that start and end, and leaves the rest to the loop.
type processor struct {
	queue   *queue
	loop    *loop
	metrics measurer // nil: none
	spiller *spiller // nil: none
}

var _ sdktrace.SpanProcessor = (*processor)(nil)

// OnStart notes a span as open.
func (p *processor) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) { p.queue.expect(s) }

// OnEnd stores the snapshot of a span. It does no more than that, unless an export may have to begin.
func (p *processor) OnEnd(s sdktrace.ReadOnlySpan) {
	if e := p.queue.add(s); e != noEdge {
		p.loop.notice(e)
	}
}

// ForceFlush is [SDK.ForceFlush], also for those who reach the processor through the provider.
func (p *processor) ForceFlush(ctx context.Context) error {
	if p.metrics == nil {
		return p.loop.flush(ctx)
	}
	began := time.Now()
	err := p.loop.flush(ctx)
	p.metrics.flushEnded(ctx, began, err)
	return err
}

// Shutdown is [SDK.Shutdown], also for those who reach the processor through the provider.
func (p *processor) Shutdown(ctx context.Context) error {
	err := p.spiller.shutdown(ctx, p.loop)
	if p.metrics != nil {
		p.metrics.close()
	}
	return err
}
