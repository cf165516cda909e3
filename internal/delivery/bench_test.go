package delivery_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// instant is a Sender that accepts everything, and an encoder of items behind a pointer, as spans are.
type instant struct{}

func (instant) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	return delivery.Result{Outcome: delivery.Accepted, Answered: true}, nil
}
func (instant) Limits() delivery.Limits { return delivery.Limits{Requests: 32, Breaker: true} }
func (instant) Close() error            { return nil }

func (instant) Append(dst []byte, items []*string, _ int) ([]byte, int) {
	for _, item := range items {
		dst = append(dst, *item...)
	}
	return dst, len(items)
}
func (instant) Describe(item *string) string { return *item }
func (instant) Hint() (string, error)        { return "", nil }

func benchmark(b *testing.B, name string, run func(b *testing.B, push func(), q *delivery.Queue[*string])) {
	b.Run(name, func(b *testing.B) {
		q := delivery.NewQueue(delivery.NewEngine(instant{}, delivery.NewResources(1<<20)), delivery.Config{
			Items: "spans", Capacity: 2048, BatchSize: 512, RequestBytes: 1 << 20, Delay: time.Hour, Timeout: 30 * time.Second, Hedge: true,
		}, func() delivery.Encoder[*string] { return instant{} })
		q.SetBackgroundExport(false)
		item := "item"
		b.ReportAllocs()
		run(b, func() { q.Push(&item, 1) }, q)
		_ = q.Shutdown(context.Background())
	})
}

// BenchmarkPush measures one push from 1 and from 64 goroutines, the background exports of a half-full queue included.
func BenchmarkPush(b *testing.B) {
	for _, n := range []int{1, 64} {
		benchmark(b, strconv.Itoa(n), func(b *testing.B, push func(), _ *delivery.Queue[*string]) {
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					for range b.N / n {
						push()
					}
				})
			}
			all.Wait()
		})
	}
}

// BenchmarkFlush measures pushes and their flush: the spans of one invocation, and a full batch.
func BenchmarkFlush(b *testing.B) {
	for _, n := range []int{5, 512} {
		benchmark(b, strconv.Itoa(n), func(b *testing.B, push func(), q *delivery.Queue[*string]) {
			for b.Loop() {
				for range n {
					push()
				}
				if err := q.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
