package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestTooLargeRequestIsSplit asserts that a 413 halves requests until they fit, keeps the size for later ones, and
// drops only the item that is too large alone.
func TestTooLargeRequestIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 20 << 10
		b := newBackend(func(r request) reply {
			if len(r.items) > takes {
				return tooLarge
			}
			return accepts
		})
		_, q := newQueue(b, requestBytes(128<<10))
		item := strings.Repeat("x", 9<<10)
		for range 9 {
			push(q, item)
		}
		push(q, strings.Repeat("y", 30<<10))
		_, err := flush(t, q, time.Second)
		if dropsIn(err) != 1 || !strings.Contains(fmt.Sprint(err), `item "yyyyyyyy" exceeds 15360 bytes`) {
			t.Errorf("flush: %v", err)
		}
		wantStats(t, q, delivery.Stats{Ended: 10, Exported: 9, Dropped: delivery.Dropped{TooLarge: 1}})
		before := len(b.log())
		push(q, item, item, item)
		_, err = flush(t, q, time.Second)
		wantNil(t, "a later flush", err)
		if n := len(b.log()) - before; n > 3 {
			t.Errorf("%d requests for three items: the size was forgotten", n)
		}
	})
}

// TestBackendThatTakesNothingIsNotSentSingleItems asserts that a backend that refuses even small requests for their
// size gets no request for each item.
func TestBackendThatTakesNothingIsNotSentSingleItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(tooLarge))
		_, q := newQueue(b)
		push(q, numbers(10)...)
		_, err := flush(t, q, time.Second)
		push(q, "alone")
		_, alone := flush(t, q, time.Second)
		if dropsIn(err) != 10 || dropsIn(alone) != 1 || !errors.Is(alone, tooLarge.err) || len(b.log()) != 2 {
			t.Errorf("flush: %v, of one item %v, after %d requests", err, alone, len(b.log()))
		}
	})
}

// TestItemLargerThanARequest asserts that such an item is dropped without a request and takes no others along.
func TestItemLargerThanARequest(t *testing.T) {
	for _, itemBytes := range []int{0, 8} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts))
			_, q := newQueue(b, requestBytes(10), func(c *delivery.Config) { c.ItemBytes = itemBytes })
			push(q, "a", strings.Repeat("x", 11), "b")
			_, err := flush(t, q, time.Second)
			if dropsIn(err) != 1 || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("exceeds %d bytes", 10-itemBytes/4)) {
				t.Errorf("flush: %v", err)
			}
			wantSorted(t, "delivered", b.delivered(), "a", "b")
		})
	}
}

// TestDropsAreReportedOnce asserts that drops of every reason make exactly one flush fail, with the backend's words.
func TestDropsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		partial := accepts
		partial.result.Rejected, partial.result.Message = 2, "no such tenant"
		b := newBackend(script(accepts.in(100*ms), partial, refuses))
		var remarks reports
		_, q := newQueue(b, capacity(5), func(c *delivery.Config) { c.OnPartialSuccess = remarks.add })
		want := func(what string, err error, dropped delivery.Dropped, says string) {
			t.Helper()
			var drops *dropError
			if !errors.As(err, &drops) || drops.dropped != dropped || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %+v", what, err, dropped)
			}
		}
		push(q, "first")
		running := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		push(q, numbers(5)...) // one too many
		want("the flush under way", <-running, delivery.Dropped{QueueFull: 1}, "")
		_, err := flush(t, q, time.Second)
		want("first flush", err, delivery.Dropped{Rejected: 2}, "no such tenant")
		if len(remarks.all()) != 1 {
			t.Errorf("remarks: %v", remarks.all())
		}
		push(q, "a", "b")
		_, err = flush(t, q, time.Second)
		want("second flush", err, delivery.Dropped{Refused: 2}, refuses.err.Error())
		_, err = flush(t, q, time.Second)
		wantNil(t, "third flush", err)
		wantNil(t, "shutdown", q.Shutdown(t.Context()))
		push(q, "late")
		if n, flushNow := q.Pending(); n != 0 || !flushNow {
			t.Errorf("Pending: %d, %v; want a flush for the report", n, flushNow)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantNil(t, "a caller without time", q.Flush(ctx))
		_, err = flush(t, q, time.Second)
		want("a flush after the shutdown", err, delivery.Dropped{AfterShutdown: 1}, "")
		_, err = flush(t, q, time.Second)
		wantNil(t, "the last flush", err)
		wantStats(t, q, delivery.Stats{
			Ended: 9, Exported: 3, Dropped: delivery.Dropped{QueueFull: 1, Rejected: 2, Refused: 2, AfterShutdown: 1},
		})
		var sum int64
		for _, r := range q.Stats().Dropped.Reasons() {
			sum += r.Count
		}
		if sum != 6 {
			t.Errorf("the reasons add up to %d, want 6", sum)
		}
	})
}

// TestFullQueueDropsTheOldest asserts that the youngest items stay, that items being sent are not dropped, and that an
// item is dropped if all others are being sent.
func TestFullQueueDropsTheOldest(t *testing.T) {
	for _, c := range []struct {
		capacity  int
		delivered string
	}{{4, "0,7,8,9"}, {1, "0"}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts.in(100 * ms)))
			_, q := newQueue(b, capacity(c.capacity), batchSize(2))
			push(q, "0")
			first := async(func() error { return q.Flush(within(t, time.Second)) })
			synctest.Wait()
			push(q, numbers(10)[1:]...)
			<-first
			_, _ = flush(t, q, time.Second)
			wantSorted(t, "delivered", b.delivered(), strings.Split(c.delivered, ",")...)
			if d := q.Stats().Dropped; d != (delivery.Dropped{QueueFull: int64(10 - c.capacity)}) {
				t.Errorf("dropped %+v", d)
			}
		})
	}
}

// TestQueueIsBoundedInBytes asserts that large items leave in the background at half of the queue's bytes, and that the
// oldest make room for younger ones. An item that alone exceeds the bound takes no others along.
func TestQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b, func(c *delivery.Config) { c.MaxBytes = 1000 })
		large := func(c string) string { return strings.Repeat(c, 240) }
		push(q, large("a"))
		if _, flushNow := q.Pending(); flushNow {
			t.Error("a flush of less than a quarter must not be deferred")
		}
		push(q, "b", large("c"))
		synctest.Wait()
		wantBodies(t, b)
		if _, flushNow := q.Pending(); !flushNow {
			t.Error("a flush of half of the bytes may be deferred")
		}
		b.become(always(later))
		push(q, large("d"))
		synctest.Wait()
		if n := len(b.log()); n != 1 {
			t.Errorf("%d requests at half of the bytes, want 1", n)
		}
		push(q, large("e"), strings.Repeat("f", 1001), large("g"))
		b.become(always(accepts))
		time.Sleep(time.Minute)
		_, err := flush(t, q, time.Second)
		if dropsIn(err) != 2 {
			t.Errorf("flush: %v", err)
		}
		wantSorted(t, "delivered", b.delivered(), "b", large("c"), large("d"), large("e"), large("g"))
		wantStats(t, q, delivery.Stats{Ended: 7, Exported: 5, Dropped: delivery.Dropped{QueueBytes: 2}})
	})
}

// TestSmallBatchesOfFailedFlushesAreMerged asserts that what an outage has left leaves in few requests.
func TestSmallBatchesOfFailedFlushesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(later))
		_, q := newQueue(b)
		for _, item := range numbers(30) {
			push(q, item)
			_, _ = flush(t, q, time.Second)
		}
		before := len(b.log())
		b.become(always(accepts))
		time.Sleep(time.Minute)
		_, err := flush(t, q, time.Second)
		wantNil(t, "flush", err)
		if n := len(b.log()) - before; n != 3 {
			t.Errorf("%d requests for 30 items, want 3", n)
		}
		wantSorted(t, "delivered", b.delivered(), numbers(30)...)
	})
}
