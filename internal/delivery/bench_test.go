package delivery_test

import (
	"context"
	"strconv"
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

// benchItem is an item behind a pointer, as a span is.
type benchItem struct{ name string }

type benchEncoder struct{}

func (benchEncoder) Append(dst []byte, items []*benchItem, _ int) ([]byte, int) {
	for _, item := range items {
		dst = append(dst, item.name...)
	}
	return dst, len(items)
}
func (benchEncoder) Describe(item *benchItem) string { return item.name }
func (benchEncoder) Hint() (string, error)           { return "", nil }

func benchQueue() *delivery.Queue[*benchItem] {
	e := delivery.NewEngine(instant{}, delivery.NewResources(1<<20))
	q := delivery.NewQueue(e, delivery.Config{
		Items: "spans", Capacity: 2048, BatchSize: 512, RequestBytes: 1 << 20, Delay: time.Hour, Timeout: 30 * time.Second, Hedge: true,
	}, func() delivery.Encoder[*benchItem] { return benchEncoder{} })
	q.SetBackgroundExport(false)
	return q
}

// BenchmarkPush measures one push from 1 and from 64 goroutines, the background exports of a half-full queue included.
func BenchmarkPush(b *testing.B) {
	item := &benchItem{"item"}
	b.Run("1", func(b *testing.B) {
		q := benchQueue()
		b.ReportAllocs()
		for b.Loop() {
			q.Push(item, 1)
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
					q.Push(item, 1)
				}
			})
		}
		all.Wait()
		b.StopTimer()
		_ = q.Shutdown(context.Background())
	})
}

// BenchmarkFlush measures pushes and their flush: the spans of one invocation, and a full batch.
func BenchmarkFlush(b *testing.B) {
	item := &benchItem{"item"}
	for _, n := range []int{5, 512} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			q := benchQueue()
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					q.Push(item, 1)
				}
				if err := q.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			_ = q.Shutdown(context.Background())
		})
	}
}
