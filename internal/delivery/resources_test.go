package delivery_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// large returns n items, each of which fills a request of 100 bytes.
func large(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 98)))
	}
	return all
}

func requestBytes(n int) func(*delivery.Config) {
	return func(c *delivery.Config) { c.RequestBytes = n }
}

// TestMemoryOfRequestsIsBounded asserts that eight of the largest requests are in memory at once, in all engines, that
// the others follow, and that a flush that waits for memory ends with its caller.
func TestMemoryOfRequestsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resources := delivery.NewResources(100)
		b := newBackend(always(accepts.in(100 * ms)))
		var queues [2]*delivery.Queue[string]
		for i := range queues {
			queues[i] = addQueue(delivery.NewEngine(b, resources), batchSize(1), requestBytes(100))
			push(queues[i], large(20)...)
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
	})
}

// TestSmallRequestsDoNotUseUpTheMemory asserts that a request counts with its own size once it is encoded.
func TestSmallRequestsDoNotUseUpTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		q := addQueue(delivery.NewEngine(b, delivery.NewResources(100)), batchSize(1), requestBytes(100))
		push(q, numbers(30)...)
		took, err := flush(t, q, time.Minute)
		wantNil(t, "flush", err)
		wantTook(t, "30 small requests", took, 100*ms)
	})
}

// countingEncoder counts how many encoders run at once.
type countingEncoder struct {
	encoder
	c *encoderCount
}

type encoderCount struct {
	mu        sync.Mutex
	now, most int
}

func (c *encoderCount) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

func (x countingEncoder) Append(dst []byte, items []string, limit int) ([]byte, int) {
	x.c.add(1)
	defer x.c.add(-1)
	time.Sleep(ms)
	return x.encoder.Append(dst, items, limit)
}

// TestEncodingLeavesOneCPU asserts that requests are sent while others are still being encoded.
func TestEncodingLeavesOneCPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		var count encoderCount
		q := delivery.NewQueue(delivery.NewEngine(b, delivery.NewResources(1<<20)), options(batchSize(1)),
			func() delivery.Encoder[string] { return countingEncoder{c: &count} })
		q.SetBackgroundExport(false)
		push(q, numbers(20)...)
		_, err := flush(t, q, time.Minute)
		wantNil(t, "flush", err)
		if want := max(runtime.GOMAXPROCS(0)-1, 1); count.most > want {
			t.Errorf("%d encoders at once, want at most %d", count.most, want)
		}
	})
}
