package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestShutdownEndsTheBackgroundFlush asserts that a background flush without a time limit does not outlive Shutdown.
func TestShutdownEndsTheBackgroundFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		_, q := newQueue(b, capacity(2), func(c *delivery.Config) { c.Timeout = 0 })
		push(q, "a")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if q.Shutdown(ctx) == nil {
			t.Error("no error")
		}
		time.Sleep(time.Second)
		if n := b.closed(); n != 1 || q.Idle() != nil {
			t.Errorf("closed %d times, flush under way: %v", n, q.Idle() != nil)
		}
	})
}

// TestExitOfAnEmptyQueue asserts that the exit deadline begins no flush of nothing, in a queue without sizes too: that of an SDK
// that is disabled.
func TestExitOfAnEmptyQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		e, q := newQueue(b, capacity(0), batchSize(0))
		e.SetExitDeadline(time.Now().Add(time.Second))
		if q.Idle() != nil {
			t.Error("a flush is under way")
		}
		wantNil(t, "shutdown", q.Shutdown(within(t, time.Second)))
	})
}

// TestFlushOutlivesItsCallersUntilTheExit asserts that the next caller gets the result of a flush that goes on.
func TestFlushOutlivesItsCallersUntilTheExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(600 * ms)))
		e, q := newQueue(b)
		push(q, "a")
		ctx, cancel := context.WithCancel(t.Context())
		running := async(func() error { return q.Flush(ctx) })
		time.Sleep(300 * ms)
		begin := time.Now()
		e.SetExitDeadline(begin.Add(430 * ms))
		time.Sleep(200 * ms)
		cancel()
		if err := <-running; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left: %v", err)
		}
		_, err := flush(t, q, 230*ms)
		wantNil(t, "the next", err)
		wantTook(t, "the request", time.Since(begin), 300*ms)
		wantBodies(t, b, "a")
		time.Sleep(time.Second)
	})
}

// TestExitDeadlineEndsTheFlush asserts that a flush without a caller ends at the exit deadline, or when it is cleared.
func TestExitDeadlineEndsTheFlush(t *testing.T) {
	for _, clears := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(hangs))
			e, q := newQueue(b)
			push(q, "a")
			ctx, cancel := context.WithCancel(t.Context())
			running := async(func() error { return q.Flush(ctx) })
			synctest.Wait()
			e.SetExitDeadline(time.Now().Add(time.Second))
			e.SetExitDeadline(time.Now().Add(430 * ms)) // a new one replaces it
			cancel()
			t.Log(<-running)
			time.Sleep(429 * ms)
			if now, _ := b.underWay(); now != 1 {
				t.Errorf("%d requests before the deadline", now)
			}
			if clears {
				e.SetExitDeadline(time.Time{})
			} else {
				time.Sleep(time.Millisecond)
			}
			synctest.Wait()
			if now, _ := b.underWay(); now != 0 || q.Idle() != nil {
				t.Errorf("%d requests after it", now)
			}
			wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
		})
	}
}

// TestProcessLivesOn asserts that after the exit deadline everything is normal again, for a flush under way and for later
// ones: retries stop after 500 ms without progress, probes are short, and a full batch waits for a flush.
func TestProcessLivesOn(t *testing.T) {
	for _, clears := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(busy))
			e, q := newQueue(b, batchSize(2))
			push(q, "a")
			running := async(func() error { return q.Flush(within(t, 10*time.Second)) })
			synctest.Wait()
			e.SetExitDeadline(time.Now().Add(5 * time.Second))
			time.Sleep(4 * time.Second)
			if q.Idle() == nil {
				t.Fatal("retries did not go on until the deadline")
			}
			if clears {
				e.SetExitDeadline(time.Time{})
			}
			begin := time.Now()
			if <-running == nil {
				t.Error("no error")
			}
			if took := time.Since(begin); clears && took > 500*ms || took > 2*time.Second {
				t.Errorf("the flush went on for %v", took)
			}
			time.Sleep(time.Minute)
			before := len(b.log())
			push(q, "b", "c", "d")
			synctest.Wait()
			if n := len(b.log()) - before; n != 0 {
				t.Errorf("%d requests without a flush", n)
			}
			b.become(always(hangs))
			took, _ := flush(t, q, 2*time.Second)
			wantTook(t, "a probe", took, 100*ms)
			b.become(always(accepts))
			time.Sleep(time.Minute)
			_, err := flush(t, q, time.Second)
			wantNil(t, "a later flush", err)
			if got := q.Stats().Breaker; got != breaker.Closed {
				t.Errorf("breaker %v", got)
			}
		})
	}
}

// TestExitDeadlineOfLongAgo asserts that a deadline in the past is none.
func TestExitDeadlineOfLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		e, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, time.Second)
		e.SetExitDeadline(time.Now())
		took, _ := flush(t, q, time.Second)
		wantTook(t, "a probe", took, 100*ms)
	})
}

// TestFullBatchesLeaveBeforeTheExit asserts that a full batch does not wait for a flush while the exit deadline is ahead,
// whether it was full before, becomes full, or becomes full during a flush.
func TestFullBatchesLeaveBeforeTheExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		e, q := newQueue(b, batchSize(2))
		push(q, "a", "b")
		synctest.Wait()
		wantBodies(t, b)
		e.SetExitDeadline(time.Now().Add(430 * ms))
		push(q, "c", "d", "e", "f")
		synctest.Wait()
		wantSorted(t, "requests", b.bodies(), "a,b", "c,d", "e,f")
		begin := time.Now()
		time.Sleep(10 * ms)
		push(q, "g")
		_, err := flush(t, q, 420*ms)
		wantNil(t, "flush", err)
		wantTook(t, "it", time.Since(begin), 110*ms)
		wantStats(t, q, delivery.Stats{Ended: 7, Exported: 7})
		time.Sleep(time.Second)
	})
}

// TestTenThousandItemsWithinTheWindow asserts that a large backlog leaves in the 500 ms that a process has after SIGTERM,
// at a round trip of 100 ms.
func TestTenThousandItemsWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, capacity(20_000), batchSize(512))
		push(q, numbers(10_000)...)
		begin := time.Now()
		wantNil(t, "shutdown", q.Shutdown(within(t, 450*ms)))
		wantTook(t, "it", time.Since(begin), 100*ms)
		wantStats(t, q, delivery.Stats{Ended: 10_000, Exported: 10_000})
	})
}

// TestSecondShutdownTakesNoTime asserts that a caller of Shutdown with less time leaves the others their own.
func TestSecondShutdownTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(busy))
		_, q := newQueue(b)
		push(q, "a")
		first := async(func() error { return q.Shutdown(within(t, 10*time.Second)) })
		time.Sleep(100 * ms)
		second := async(func() error { return q.Shutdown(within(t, time.Second)) })
		time.Sleep(3 * time.Second)
		b.become(always(accepts))
		if <-second == nil {
			t.Error("the caller with a second: no error")
		}
		wantNil(t, "the caller with 10 seconds", <-first)
		wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1})
	})
}

// TestShutdownOfAnImpatientCaller asserts that a caller of Shutdown that leaves keeps the others from no further flush.
func TestShutdownOfAnImpatientCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := false
		x := &exporter{takes: func(context.Context, []string) error {
			time.Sleep(2 * time.Second)
			if !failed {
				failed = true
				return errDown
			}
			return nil
		}}
		q := newItemQueue(x)
		push(q, "a")
		running := async(func() error { return q.Flush(within(t, 10*time.Second)) })
		synctest.Wait()
		impatient := async(func() error { return q.Shutdown(within(t, time.Second)) })
		patient := async(func() error { return q.Shutdown(within(t, 10*time.Second)) })
		if <-impatient == nil {
			t.Error("the caller with a second: no error")
		}
		wantNil(t, "the caller with ten", <-patient)
		<-running
		wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1})
		x.check(t)
	})
}

// TestTimeoutsReturnAfterTheExitDeadline asserts that Config.Timeout counts again if the process lives on.
func TestTimeoutsReturnAfterTheExitDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, q := newQueue(newBackend(always(hangs)), func(c *delivery.Config) { c.Timeout = 100 * ms })
		push(q, "a")
		begin := time.Now()
		e.SetExitDeadline(begin.Add(450 * ms))
		if _, err := flush(t, q, 10*time.Second); err == nil {
			t.Error("no error")
		}
		if took := time.Since(begin); took < 450*ms || took > 460*ms {
			t.Errorf("the flush took %v, want 450 ms", took)
		}
	})
}
