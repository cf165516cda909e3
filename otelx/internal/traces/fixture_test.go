package traces_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// exporter records the spans that the queue delivers, in order.
type exporter struct {
	mu    sync.Mutex
	spans []sdktrace.ReadOnlySpan
}

func (x *exporter) SendItems(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.spans = append(x.spans, spans...)
	return nil
}

func (*exporter) Close(context.Context) error { return nil }

// shared is the part of the SDK behind a processor.
type shared struct{ queue *traces.Queue }

func (s shared) ForceFlush(ctx context.Context) error { return s.queue.Flush(ctx) }
func (s shared) Shutdown(ctx context.Context) error   { return s.queue.Shutdown(ctx) }

// newProcessor returns a processor whose queue delivers to x.
func newProcessor(x delivery.ItemSender[sdktrace.ReadOnlySpan], capacity, maxOpen int) (*traces.Processor, *traces.Queue) {
	q := delivery.NewItemQueue(delivery.NewItemEngine(), delivery.Config{
		Signal: delivery.Traces, Items: "spans", Capacity: capacity, MaxBytes: queueBytes, BatchSize: min(capacity, 512), Delay: 5 * time.Second,
		DropError: func(_ delivery.Dropped, cause error) error { return cause },
	}, x)
	return traces.NewProcessor(q, maxOpen, queueBytes, shared{q}), q
}

// fixture is a processor behind a provider of the SDK.
type fixture struct {
	*testing.T
	processor *traces.Processor
	queue     *traces.Queue
	exporter  *exporter
	tracer    trace.Tracer
	ids       *chosenIDs
}

// newFixture returns a fixture that knows at most maxOpen open spans and exports only for a caller.
func newFixture(t *testing.T, maxOpen int, opts ...sdktrace.TracerProviderOption) *fixture {
	t.Helper()
	f := &fixture{T: t, exporter: new(exporter), ids: new(chosenIDs)}
	f.processor, f.queue = newProcessor(f.exporter, 20_000, maxOpen)
	f.queue.SetBackgroundExport(false)
	provider := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSpanProcessor(f.processor), sdktrace.WithIDGenerator(f.ids))...)
	f.tracer = provider.Tracer("test")
	return f
}

func (f *fixture) start(name string, opts ...trace.SpanStartOption) trace.Span {
	_, span := f.tracer.Start(context.Background(), name, opts...)
	return span
}

// endAll ends every open span and returns the names of all ended spans, in the order of their ends.
func (f *fixture) endAll() []string {
	f.Helper()
	f.processor.EndOpenSpans(nil, "", "the test ends")
	return f.ended()
}

// ended returns the names of all ended spans, in the order of their ends.
func (f *fixture) ended() (names []string) {
	f.Helper()
	if err := f.processor.ForceFlush(f.Context()); err != nil {
		f.Errorf("ForceFlush: %v", err)
	}
	for _, s := range f.exporter.spans {
		names = append(names, s.Name())
	}
	return names
}

// span returns the ended span called name.
func (f *fixture) span(name string) sdktrace.ReadOnlySpan {
	f.Helper()
	i := slices.IndexFunc(f.exporter.spans, func(s sdktrace.ReadOnlySpan) bool { return s.Name() == name })
	if i < 0 {
		f.Fatalf("span %s has not ended", name)
	}
	return f.exporter.spans[i]
}

// chosenIDs generates the ids that a test has chosen, else unique ones.
type chosenIDs struct {
	mu    sync.Mutex
	trace byte
	span  byte // of the next span; 0: a unique one
	made  uint64
}

func (g *chosenIDs) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	span = g.NewSpanID(ctx, id)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trace != 0 {
		return traceID(g.trace), span
	}
	copy(id[8:], span[:])
	id[0] = 1
	return id, span
}

func (g *chosenIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.span != 0 {
		return spanID(g.span)
	}
	g.made++
	id[0] = 1
	for i := range 7 {
		id[7-i] = byte(g.made >> (8 * i))
	}
	return id
}

func traceID(n byte) trace.TraceID { return trace.TraceID{15: n} }
func spanID(n byte) trace.SpanID   { return trace.SpanID{7: n} }
