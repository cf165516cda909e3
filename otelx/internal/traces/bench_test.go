package traces_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// counter is an exporter that costs nothing and counts. It serves the queue and the SDK's batch processor.
type counter struct{ n atomic.Int64 }

func (c *counter) SendItems(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.n.Add(int64(len(spans)))
	return nil
}

func (c *counter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return c.SendItems(ctx, spans)
}
func (*counter) Close(context.Context) error    { return nil }
func (*counter) Shutdown(context.Context) error { return nil }

// implementations are ours and its rival, the SDK's batch processor, both with the default sizes.
var implementations = map[string]func(*counter) sdktrace.SpanProcessor{
	"impl=epilogue": func(c *counter) sdktrace.SpanProcessor {
		p, _ := newProcessor(c, sdktrace.DefaultMaxQueueSize, sdktrace.DefaultMaxQueueSize)
		return p
	},
	"impl=rival": func(c *counter) sdktrace.SpanProcessor { return sdktrace.NewBatchSpanProcessor(c) },
}

// benchSpans returns 1,000 started spans and the snapshots of their ends.
func benchSpans() (started []sdktrace.ReadWriteSpan, ended []sdktrace.ReadOnlySpan) {
	var c collector
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&c)).Tracer("bench")
	for range 1000 {
		_, span := tracer.Start(context.Background(), "a")
		span.End()
	}
	return c.started, c.ended
}

type collector struct {
	started []sdktrace.ReadWriteSpan
	ended   []sdktrace.ReadOnlySpan
}

func (c *collector) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	c.started = append(c.started, s)
}
func (c *collector) OnEnd(s sdktrace.ReadOnlySpan)  { c.ended = append(c.ended, s) }
func (*collector) ForceFlush(context.Context) error { return nil }
func (*collector) Shutdown(context.Context) error   { return nil }

// rounds times round, which is 1,000 spans. It flushes after each, untimed, so that neither processor is measured while
// it drops spans. BenchmarkCPU includes the flush.
func rounds(b *testing.B, p sdktrace.SpanProcessor, round func()) {
	b.Helper()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		round()
		n += 1000
		b.StopTimer()
		_ = p.ForceFlush(context.Background())
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/span")
	_ = p.Shutdown(context.Background())
}

// BenchmarkOnEnd measures the end of a span in the processor alone.
func BenchmarkOnEnd(b *testing.B) {
	_, ended := benchSpans()
	for name, make := range implementations {
		b.Run(name, func(b *testing.B) {
			p := make(new(counter))
			rounds(b, p, func() {
				for i := range ended {
					p.OnEnd(ended[i])
				}
			})
		})
	}
}

// BenchmarkStartEnd measures start and end of a span in the processor alone, including the table of open spans.
func BenchmarkStartEnd(b *testing.B) {
	started, ended := benchSpans()
	for name, make := range implementations {
		b.Run(name, func(b *testing.B) {
			p := make(new(counter))
			rounds(b, p, func() {
				for i := range ended {
					p.OnStart(context.Background(), started[i])
					p.OnEnd(ended[i])
				}
			})
		})
	}
}

// BenchmarkSpan measures 1,000 whole spans of the SDK with either processor, from one goroutine and from 64.
func BenchmarkSpan(b *testing.B) {
	for name, make := range implementations {
		for mode, goroutines := range map[string]int{"serial": 1, "parallel": 64} {
			b.Run(name+"/"+mode, func(b *testing.B) {
				p := make(new(counter))
				tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("bench")
				rounds(b, p, func() {
					var all sync.WaitGroup
					for g := range goroutines {
						all.Go(func() {
							for range 1000*(g+1)/goroutines - 1000*g/goroutines {
								_, span := tracer.Start(context.Background(), "a")
								span.End()
							}
						})
					}
					all.Wait()
				})
			})
		}
	}
}

// BenchmarkOverload measures whole spans from many goroutines that end spans faster than either processor exports them.
// Both drop most spans: the rival the new ones, which costs it nothing, and ours the oldest.
func BenchmarkOverload(b *testing.B) {
	for name, make := range implementations {
		b.Run(name, func(b *testing.B) {
			exported := new(counter)
			p := make(exported)
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("bench")
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, span := tracer.Start(context.Background(), "a")
					span.End()
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(exported.n.Load())/float64(b.N), "exported/span")
			_ = p.Shutdown(context.Background())
		})
	}
}

// TestOnEndAllocatesNothing bounds the allocations of the hot path when the queue and the table have grown.
func TestOnEndAllocatesNothing(t *testing.T) {
	started, ended := benchSpans()
	p, q := newProcessor(new(counter), sdktrace.DefaultMaxQueueSize, sdktrace.DefaultMaxQueueSize)
	q.SetBackgroundExport(false)
	round := func() {
		for i := range ended {
			p.OnStart(context.Background(), started[i])
			p.OnEnd(ended[i])
		}
	}
	flushed := testing.AllocsPerRun(10, func() { round(); _ = p.ForceFlush(context.Background()) })
	flush := testing.AllocsPerRun(10, func() {
		p.OnEnd(ended[0])
		_ = p.ForceFlush(context.Background())
	})
	if n := flushed - flush; n > 50 { // a flush of more batches allocates more
		t.Errorf("%v allocations for 1000 spans, and %v for the flush", n, flush)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
