package xray_test

import (
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx/xray"
)

var _ sdktrace.IDGenerator = xray.IDGenerator{}

// TestIDsBeginWithTheTime: the seconds of the moment, the most significant byte first.
func TestIDsBeginWithTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			id, _ := xray.IDGenerator{}.NewIDs(t.Context())
			if got, want := binary.BigEndian.Uint32(id[:4]), time.Now().Unix(); int64(got) != want {
				t.Errorf("%s begins with %d, want %d", id, got, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestIDsDiffer: also those of many goroutines within one second.
func TestIDsDiffer(t *testing.T) {
	const goroutines, each = 16, 1000
	var (
		mu     sync.Mutex
		traces = map[trace.TraceID]bool{}
		spans  = map[trace.SpanID]bool{}
		wg     sync.WaitGroup
	)
	for range goroutines {
		wg.Go(func() {
			for range each {
				id, span := xray.IDGenerator{}.NewIDs(t.Context())
				another := xray.IDGenerator{}.NewSpanID(t.Context(), id)
				mu.Lock()
				traces[id], spans[span], spans[another] = true, true, true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(traces) != goroutines*each || len(spans) != 2*goroutines*each {
		t.Errorf("%d traces and %d spans, want %d and %d", len(traces), len(spans), goroutines*each, 2*goroutines*each)
	}
}

// TestSpansHaveItsIDs: behind the SDK it is what makes a root's trace id.
func TestSpansHaveItsIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(xray.IDGenerator{}))
		ctx, root := provider.Tracer("test").Start(t.Context(), "root")
		_, child := provider.Tracer("test").Start(ctx, "child")
		id := root.SpanContext().TraceID()
		if got := binary.BigEndian.Uint32(id[:4]); int64(got) != time.Now().Unix() || child.SpanContext().TraceID() != id {
			t.Errorf("root in %s, child in %s at %d", id, child.SpanContext().TraceID(), time.Now().Unix())
		}
	})
}

// BenchmarkIDs compares the SDK's generator with this one, on all processors at once.
func BenchmarkIDs(b *testing.B) {
	b.Run("sdk", func(b *testing.B) {
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("bench")
		benchmarkRoots(b, tracer)
	})
	b.Run("xray", func(b *testing.B) {
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()),
			sdktrace.WithIDGenerator(xray.IDGenerator{})).Tracer("bench")
		benchmarkRoots(b, tracer)
	})
	b.Run("xray alone", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				xray.IDGenerator{}.NewIDs(b.Context())
			}
		})
	})
}

func benchmarkRoots(b *testing.B, tracer trace.Tracer) {
	b.Helper()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, span := tracer.Start(b.Context(), "root")
			span.End()
		}
	})
}
