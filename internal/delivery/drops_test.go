package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestTooLargeRequestIsSplit asserts that a 413 halves requests until they fit, keeps the size for later ones, and drops
// only the item that is too large alone.
func TestTooLargeRequestIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 20 << 10
		b := newBackend(func(r request) reply {
			if len(r.items) > takes {
				return tooLarge
			}
			return accepts
		})
		_, q := newQueue(b, func(c *delivery.Config) { c.RequestBytes = 128 << 10 })
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

// TestBackendThatTakesNothingIsNotSentSingleItems asserts that a backend that refuses even small requests for their size
// gets no request for each item.
func TestBackendThatTakesNothingIsNotSentSingleItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(tooLarge))
		_, q := newQueue(b)
		push(q, numbers(10)...)
		_, err := flush(t, q, time.Second)
		if dropsIn(err) != 10 || len(b.log()) != 1 {
			t.Errorf("flush: %v after %d requests", err, len(b.log()))
		}
	})
}

// TestItemLargerThanARequest asserts that such an item is dropped without a request and takes no others along.
func TestItemLargerThanARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b, func(c *delivery.Config) { c.RequestBytes = 10 })
		push(q, "a", strings.Repeat("x", 11), "b")
		_, err := flush(t, q, time.Second)
		if dropsIn(err) != 1 || !strings.Contains(fmt.Sprint(err), "exceeds 10 bytes") {
			t.Errorf("flush: %v", err)
		}
		wantSorted(t, "delivered", b.delivered(), "a", "b")
	})
}

// TestDropsAreReportedOnce asserts that drops of every reason make exactly one flush fail, with the backend's words.
func TestDropsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		partial := accepts
		partial.result.Rejected, partial.result.Message = 2, "no such tenant"
		b := newBackend(script(accepts.in(100*ms), partial, refuses))
		var remarks []error
		_, q := newQueue(b, capacity(5), func(c *delivery.Config) {
			c.OnPartialSuccess = func(err error) { remarks = append(remarks, err) }
		})
		push(q, "first")
		running := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		push(q, numbers(5)...) // one too many
		err := <-running
		var drops *dropError
		if !errors.As(err, &drops) || drops.dropped != (delivery.Dropped{QueueFull: 1}) {
			t.Errorf("the flush under way: %v", err)
		}
		_, err = flush(t, q, time.Second)
		if !errors.As(err, &drops) || drops.dropped != (delivery.Dropped{Rejected: 2}) ||
			!strings.Contains(err.Error(), "no such tenant") {
			t.Errorf("first flush: %v", err)
		}
		if len(remarks) != 1 {
			t.Errorf("remarks: %v", remarks)
		}
		push(q, "a", "b")
		if _, err = flush(t, q, time.Second); dropsIn(err) != 2 || !errors.Is(err, refuses.err) {
			t.Errorf("second flush: %v", err)
		}
		_, err = flush(t, q, time.Second)
		wantNil(t, "third flush", err)
		wantNil(t, "shutdown", q.Shutdown(t.Context()))
		push(q, "late")
		if n, flushNow := q.Pending(); n != 0 || !flushNow {
			t.Errorf("Pending: %d, %v; want a flush for the report", n, flushNow)
		}
		if _, err = flush(t, q, time.Second); dropsIn(err) != 1 {
			t.Errorf("a flush after the shutdown: %v", err)
		}
		_, err = flush(t, q, time.Second)
		wantNil(t, "the last flush", err)
		wantStats(t, q, delivery.Stats{
			Ended: 9, Exported: 3, Dropped: delivery.Dropped{QueueFull: 1, Rejected: 2, Refused: 2, AfterShutdown: 1},
		})
	})
}

// TestFullQueueDropsTheOldest asserts that the youngest items stay, and that items being sent are not dropped.
func TestFullQueueDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, capacity(4), batchSize(2))
		push(q, "0")
		first := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		push(q, numbers(10)[1:]...)
		t.Log(<-first)
		_, _ = flush(t, q, time.Second)
		wantSorted(t, "delivered", b.delivered(), "0", "7", "8", "9")
		wantStats(t, q, delivery.Stats{Ended: 10, Exported: 4, Dropped: delivery.Dropped{QueueFull: 6}})
	})
}

// TestQueueIsBoundedInBytes asserts that large items leave in the background at half of the queue's bytes, and that the oldest
// make room for younger ones. An item that alone exceeds the bound takes no others along.
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

// TestQueueThatIsAllUnderWayDropsTheNewest asserts that an item is dropped if all others are being sent.
func TestQueueThatIsAllUnderWayDropsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, capacity(1))
		push(q, "a", "b") // the first begins a background flush
		if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
			t.Errorf("flush: %v", err)
		}
		wantBodies(t, b, "a")
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
		got := b.delivered()
		slices.Sort(got)
		wantSorted(t, "delivered", got, numbers(30)...)
	})
}
