package traces

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
)

// Queue holds ended spans until they are delivered.
type Queue = delivery.Queue[sdktrace.ReadOnlySpan]

// Exporter is the part of the SDK that a caller of the tracer provider reaches.
type Exporter interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// Processor is the span processor: it knows the spans that are open and puts ended ones into the queue. Spans that are
// not sampled are ignored.
type Processor struct {
	Exporter

	open     openSpans
	queue    *Queue
	maxBytes int // of the queue
}

var _ sdktrace.SpanProcessor = (*Processor)(nil)

// NewProcessor returns a processor that knows at most maxOpen open spans. The queue holds maxBytes.
func NewProcessor(queue *Queue, maxOpen, maxBytes int, x Exporter) *Processor {
	return &Processor{Exporter: x, queue: queue, maxBytes: maxBytes, open: newOpenSpans(maxOpen)}
}

// Open returns how many sampled spans have started and not ended, whether the processor knows them or not.
func (p *Processor) Open() int { return p.open.count() }

// OnStart enters a span into the table of open spans.
func (p *Processor) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	if s.SpanContext().IsSampled() {
		p.open.add(s)
	}
}

// OnEnd moves a span from the table to the queue. It reduces a span that alone has more bytes than the queue. The encoder
// reduces a span that is larger than a request.
func (p *Processor) OnEnd(s sdktrace.ReadOnlySpan) {
	sc := s.SpanContext()
	if !sc.IsSampled() {
		return
	}
	p.open.remove(sc)
	size := memoryOf(s)
	if size > p.maxBytes {
		s = otlp.ReduceSpan(s, p.maxBytes/4) // bytes on the wire are fewer than in memory
		size = memoryOf(s)
	}
	p.queue.Push(s, size)
}
