package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestFlushDelivers asserts that a flush sends full batches in order, that a flush of nothing sends nothing, and what
// Pending says before, during and after it.
func TestFlushDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, batchSize(2))
		wantPending := func(want int, wantNow bool) {
			t.Helper()
			if n, flushNow := q.Pending(); n != want || flushNow != wantNow {
				t.Errorf("Pending: %d, %v; want %d, %v", n, flushNow, want, wantNow)
			}
		}
		took, err := flush(t, q, time.Second)
		wantNil(t, "a flush of nothing", err)
		wantTook(t, "it", took, 0)
		wantBodies(t, b)
		push(q, "a", "b", "c")
		wantPending(3, false)
		running := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		wantPending(3, true)
		wantNil(t, "flush", <-running)
		wantSorted(t, "requests", b.bodies(), "a,b", "c")
		wantStats(t, q, delivery.Stats{Ended: 3, Exported: 3})
		wantPending(0, false)
	})
}

// TestWaitersLeaveAtTheirOwnTime asserts that a flush is shared, ends with its last caller, and keeps its items.
func TestWaitersLeaveAtTheirOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		_, q := newQueue(b)
		push(q, "a")
		begin := time.Now()
		short := async(func() error { return q.Flush(within(t, time.Second)) })
		long := async(func() error { return q.Flush(within(t, 2*time.Second)) })
		for i, caller := range []<-chan error{short, long} {
			if err := <-caller; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("caller %d: %v", i, err)
			}
			wantTook(t, "the caller", time.Since(begin), time.Duration(i+1)*time.Second)
			synctest.Wait()
			if now, _ := b.underWay(); now != 1-i || (q.Idle() == nil) != (i == 1) {
				t.Errorf("%d requests with %d callers left", now, 1-i)
			}
		}
		wantBodies(t, b, "a")
		b.become(always(accepts))
		_, err := flush(t, q, time.Second)
		wantNil(t, "the next flush", err)
	})
}

// TestFlushSeesItemsPushedDuringAnother asserts that a caller who joins a flush sees its own items delivered.
func TestFlushSeesItemsPushedDuringAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b)
		push(q, "a")
		first := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		push(q, "b")
		second := async(func() error { return q.Flush(within(t, time.Second)) })
		wantNil(t, "both", errors.Join(<-first, <-second))
		wantBodies(t, b, "a", "b")
	})
}

// TestFlushEndsWhileItemsKeepComing asserts that a busy service does not keep a flush under way.
func TestFlushEndsWhileItemsKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(nil)
		_, q := newQueue(b, batchSize(1))
		b.become(func(request) reply {
			if len(b.requests) < 50 {
				go q.Push("new", 1)
			}
			return accepts.in(ms)
		})
		push(q, "a", "b")
		_, err := flush(t, q, time.Second)
		wantNil(t, "flush", err)
		wantSorted(t, "requests", b.bodies(), "a", "b")
	})
}

// TestAnswerAtTheDeadlineCounts asserts that a flush whose answer comes at the moment at which its caller's time ends
// says nil if it delivered, and leaves the items in exactly one place.
func TestAnswerAtTheDeadlineCounts(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts.in(100 * ms)))
			_, q := newQueue(b)
			push(q, "a")
			_, err := flush(t, q, 100*ms)
			pending := q.Stats().Pending
			synctest.Wait()
			if err == nil && pending != 0 {
				t.Errorf("flush says nil with %d pending", pending)
			}
			if err != nil && len(b.delivered()) == 1 && q.Stats().Pending == 1 {
				t.Error("an accepted item is pending")
			}
			addUp(t, q.Stats())
		})
	}
}

// TestFlushUnderDoneContext asserts that a caller without time sends nothing.
func TestFlushUnderDoneContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b)
		push(q, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, call := range []func(context.Context) error{q.Flush, q.Shutdown} {
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("flush or shutdown: %v", err)
			}
		}
		time.Sleep(time.Second)
		wantBodies(t, b)
		if n := b.closed(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
	})
}
