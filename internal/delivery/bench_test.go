package delivery_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// instant is a Sender that accepts everything.
type instant struct{}

func (instant) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	return delivery.Result{Outcome: delivery.Accepted, Answered: true}, nil
}
func (instant) Limits() delivery.Limits { return delivery.Limits{Requests: 32, Breaker: true} }
func (instant) Close() error            { return nil }

func benchQueue() *delivery.Queue[string] {
	e := delivery.NewEngine(instant{}, delivery.NewResources(1<<20))
	q := delivery.NewQueue(e, delivery.Config{
		Items: "spans", Capacity: 2048, BatchSize: 512, RequestBytes: 1 << 20, Delay: time.Hour, Timeout: 30 * time.Second,
	}, newEncoder)
	q.SetBackgroundExport(false)
	return q
}

// BenchmarkPush measures one push from 1 and from 64 goroutines, the background exports of a half-full queue included.
func BenchmarkPush(b *testing.B) {
	b.Run("1", func(b *testing.B) {
		q := benchQueue()
		b.ReportAllocs()
		for b.Loop() {
			q.Push("item")
		}
		_ = q.Shutdown(context.Background())
	})
	b.Run("64", func(b *testing.B) {
		q := benchQueue()
		b.ReportAllocs()
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for range b.N / 64 {
					q.Push("item")
				}
			})
		}
		all.Wait()
		b.StopTimer()
		_ = q.Shutdown(context.Background())
	})
}

// BenchmarkFlush512 measures 512 pushes and their flush.
func BenchmarkFlush512(b *testing.B) {
	q := benchQueue()
	b.ReportAllocs()
	for b.Loop() {
		for range 512 {
			q.Push("item")
		}
		if err := q.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	_ = q.Shutdown(context.Background())
}
