package delivery_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestMemoryOfRequestsIsBounded asserts that eight of the largest requests are in memory at once, in all engines, that
// the others follow, and that a flush that waits for memory ends with its caller. Once it is encoded, a request counts
// with its own size.
func TestMemoryOfRequestsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resources := delivery.NewResources(100)
		b := newBackend(always(accepts.in(100 * ms)))
		var queues [2]*delivery.Queue[string]
		for i := range queues {
			queues[i] = addQueue(delivery.NewEngine(b, resources), batchSize(1), requestBytes(100))
			for item := range 20 {
				push(queues[i], fmt.Sprintf("%02d%s", item, strings.Repeat("x", 98)))
			}
		}
		begin := time.Now()
		first := async(func() error { return queues[0].Flush(within(t, time.Minute)) })
		synctest.Wait()
		if took, err := flush(t, queues[1], 50*ms); err == nil || took != 50*ms {
			t.Errorf("a flush without memory: %v after %v", err, took)
		}
		wantNil(t, "first flush", <-first)
		wantTook(t, "20 requests, 8 at once", time.Since(begin), 300*ms)
		_, err := flush(t, queues[1], time.Minute)
		wantNil(t, "second flush", err)
		if _, most := b.underWay(); most != 8 {
			t.Errorf("%d requests at once, want 8", most)
		}
		push(queues[0], numbers(30)...)
		took, err := flush(t, queues[0], time.Minute)
		wantNil(t, "flush", err)
		wantTook(t, "30 small requests", took, 100*ms)
	})
}

// countingEncoder counts how many encoders run at once.
type countingEncoder struct {
	encoder
	now, most *atomic.Int32
}

func (x countingEncoder) Append(dst []byte, items []string, limit int) ([]byte, int) {
	now := x.now.Add(1)
	for most := x.most.Load(); now > most && !x.most.CompareAndSwap(most, now); most = x.most.Load() {
	}
	defer x.now.Add(-1)
	time.Sleep(ms)
	return x.encoder.Append(dst, items, limit)
}

// TestEncodingLeavesOneCPU asserts that requests are sent while others are still being encoded.
func TestEncodingLeavesOneCPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := countingEncoder{now: new(atomic.Int32), most: new(atomic.Int32)}
		e := delivery.NewEngine(newBackend(always(accepts.in(100*ms))), delivery.NewResources(1<<20))
		q := delivery.NewQueue(e, options(batchSize(1)), func() delivery.Encoder[string] { return x })
		q.SetBackgroundExport(false)
		push(q, numbers(20)...)
		_, err := flush(t, q, time.Minute)
		wantNil(t, "flush", err)
		if got, want := int(x.most.Load()), max(runtime.GOMAXPROCS(0)-1, 1); got > want {
			t.Errorf("%d encoders at once, want at most %d", got, want)
		}
	})
}
