package otelx_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/otelx"
)

func benchSDK(b *testing.B, opts ...otelx.Option) *otelx.SDK {
	b.Helper()
	s, err := otelx.New(context.Background(), append(opts, environ())...)
	if err != nil {
		b.Fatal(err)
	}
	s.SetBackgroundExport(false)
	b.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s
}

// BenchmarkFlushOfNothing measures the end of an invocation without a sampled span.
func BenchmarkFlushOfNothing(b *testing.B) {
	s := benchSDK(b, otelx.WithExporter(nullExporter{}))
	b.ReportAllocs()
	for b.Loop() {
		_ = s.ForceFlush(context.Background())
	}
}

// BenchmarkPending measures how long it takes to learn that no span is pending.
func BenchmarkPending(b *testing.B) {
	s := benchSDK(b, otelx.WithExporter(nullExporter{}))
	b.ReportAllocs()
	for b.Loop() {
		if n, flushNow := s.Pending(); n > 0 || flushNow {
			b.Fatal(n, flushNow)
		}
	}
}

// BenchmarkFlushOfOneSpan measures one span and the usual end of an invocation: with an exporter that takes no time, and
// by OTLP over loopback. A bare POST of the same body is the lower bound of the latter.
func BenchmarkFlushOfOneSpan(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	b.Run("exporter", func(b *testing.B) { benchmarkFlush(b, otelx.WithExporter(nullExporter{})) })
	b.Run("otlp", func(b *testing.B) { benchmarkFlush(b, otelx.WithEndpoint(server.URL)) })
	b.Run("bare", func(b *testing.B) {
		body := oneSpanRequest()
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

// BenchmarkFlushWithMetrics measures the same with a meter provider.
func BenchmarkFlushWithMetrics(b *testing.B) {
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	benchmarkFlush(b, otelx.WithExporter(nullExporter{}), otelx.WithMeterProvider(provider))
}

func benchmarkFlush(b *testing.B, opts ...otelx.Option) {
	b.Helper()
	s := benchSDK(b, opts...)
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // the agent's default
		span(s, "a")
		if err := s.ForceFlush(ctx); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
}

// oneSpanRequest returns an OTLP request with one span.
func oneSpanRequest() (body []byte) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(encodeTo{&body}))
	_, span := provider.Tracer("test").Start(context.Background(), "a")
	span.End()
	return body
}

// encodeTo is an exporter that encodes spans as one request.
type encodeTo struct{ body *[]byte }

func (x encodeTo) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	*x.body, _ = new(otlp.SpanEncoder).AppendRequest(nil, spans, 1<<20)
	return nil
}
func (encodeTo) Shutdown(context.Context) error { return nil }
