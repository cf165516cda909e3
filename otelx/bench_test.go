package otelx

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// nullExporter takes everything at once.
type nullExporter struct{}

func (nullExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (nullExporter) Shutdown(context.Context) error                             { return nil }

func (nullExporter) width() int                  { return 1 }
func (nullExporter) close(context.Context) error { return nil }
func (nullExporter) export(_ context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	return outcome{n: len(spans)}
}

// benchSpans are started spans and the snapshots of their ends, with ids of their own.
func benchSpans(n int) (started []sdktrace.ReadWriteSpan, ended []sdktrace.ReadOnlySpan) {
	var collect collector
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&collect)).Tracer("bench")
	for range n {
		_, span := tracer.Start(context.Background(), "a")
		span.End()
	}
	return collect.started, collect.ended
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

// counter is a nullExporter that counts.
type counter struct {
	nullExporter
	n atomic.Int64
}

func (c *counter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.n.Add(int64(len(spans)))
	return nil
}

func (c *counter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	c.n.Add(int64(len(spans)))
	return c.nullExporter.export(ctx, spans)
}

// processors are ours and its rival, the SDK's batch processor, both with the same sizes and an exporter that costs nothing.
func processors() map[string]func(*counter) sdktrace.SpanProcessor {
	return map[string]func(*counter) sdktrace.SpanProcessor{
		"impl=epilogue": func(c *counter) sdktrace.SpanProcessor {
			q := newQueue(2048, 512)
			return &processor{queue: q, loop: newLoop(q, c, 5*time.Second, 30*time.Second)}
		},
		"impl=rival": func(c *counter) sdktrace.SpanProcessor { return sdktrace.NewBatchSpanProcessor(c) },
	}
}

// rounds times round, which is 1,000 spans, and flushes after each, untimed, so that neither processor is measured while it
// drops. What they leave undone until then is in BenchmarkCPU.
func rounds(b *testing.B, p sdktrace.SpanProcessor, round func()) {
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

// BenchmarkOnEnd is what the end of a span costs in the processor alone.
func BenchmarkOnEnd(b *testing.B) {
	_, ended := benchSpans(1000)
	for name, make := range processors() {
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

// BenchmarkStartEnd is what start and end cost in the processor alone: tracking of open spans included.
func BenchmarkStartEnd(b *testing.B) {
	started, ended := benchSpans(1000)
	for name, make := range processors() {
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

// BenchmarkSpan is 1,000 whole spans of the SDK with either processor, from one goroutine and from many.
func BenchmarkSpan(b *testing.B) {
	for name, make := range processors() {
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

// BenchmarkOverload is whole spans from many goroutines that end them faster than either processor gets to export any. Both
// drop most: the rival those that come while its queue is full, which costs it nothing, and ours the oldest.
func BenchmarkOverload(b *testing.B) {
	for name, make := range processors() {
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

// BenchmarkFlushOfNothing is what the end of an invocation costs in which nothing was sampled.
func BenchmarkFlushOfNothing(b *testing.B) {
	s := start(nullExporter{}, sized{})
	b.ReportAllocs()
	for b.Loop() {
		_ = s.ForceFlush(context.Background())
	}
}

// BenchmarkPending is what it costs to learn that nothing is pending.
func BenchmarkPending(b *testing.B) {
	s := start(nullExporter{}, sized{})
	b.ReportAllocs()
	for b.Loop() {
		if n, urgent := s.Pending(); n > 0 || urgent {
			b.Fatal(n, urgent)
		}
	}
}

// BenchmarkFlushOfOneSpan is what the usual end of an invocation costs: with an exporter that takes no time, and by OTLP
// over loopback, where a bare POST of the same body stands for what can not be saved.
func BenchmarkFlushOfOneSpan(b *testing.B) {
	_, ended := benchSpans(1)
	b.Run("exporter", func(b *testing.B) {
		benchmarkFlush(b, nullExporter{}, ended[0])
	})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("otlp", func(b *testing.B) {
		client := otlphttp.NewClient(otlphttp.ClientConfig{})
		x := newOTLPExporter(httpSender{client.Endpoint(otlphttp.EndpointConfig{URL: endpoint}), client}, defaultRequestBytes)
		benchmarkFlush(b, x, ended[0])
		_ = x.close(context.Background())
	})
	b.Run("bare", func(b *testing.B) {
		body, _ := new(otlp.Encoder).AppendRequest(nil, ended, defaultRequestBytes)
		client := new(http.Client)
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			resp, err := client.Post(server.URL, "application/x-protobuf", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}

func benchmarkFlush(b *testing.B, x exporter, span sdktrace.ReadOnlySpan) {
	s := start(x, sized{timeout: 30 * time.Second})
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // as the agent's
		s.processor.OnEnd(span)
		if err := s.ForceFlush(ctx); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
}

// TestOnEndAllocatesNothing pins the hot path once its memory has been grown.
func TestOnEndAllocatesNothing(t *testing.T) {
	started, ended := benchSpans(1000)
	q := newQueue(2048, 512)
	p := &processor{queue: q, loop: newLoop(q, nullExporter{}, time.Hour, 0)}
	round := func() {
		for i := range ended {
			p.OnStart(context.Background(), started[i])
			p.OnEnd(ended[i])
		}
		for b := q.take(q.mark()); b != nil; b = q.take(q.mark()) {
			q.settle(b, outcome{n: len(b.live())})
			q.release(b)
		}
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > 2 { // of take, which grows a slice of batches now and then
		t.Errorf("%v allocations for %d spans", n, len(ended))
	}
	p.loop.setInterval(false)
}
