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

// TestExitOfAnEmptyQueue asserts that the exit deadline begins no flush of nothing, in a queue without sizes too: that
// of an SDK that is disabled.
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
			<-running
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
		})
	}
}

// TestProcessLivesOn asserts that after the exit deadline everything is normal again, for a flush under way and for
// later ones: retries stop after 500 ms without progress, timeouts count, probes are short, and a full batch waits for
// a flush. A deadline in the past is none.
func TestProcessLivesOn(t *testing.T) {
	for _, clears := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(busy))
			e, q := newQueue(b, batchSize(2), func(c *delivery.Config) { c.Timeout = 2 * time.Second })
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
			if took := time.Since(begin); clears && took > 500*ms || took > 1010*ms {
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
			e.SetExitDeadline(time.Now())
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

// TestFullBatchesLeaveBeforeTheExit asserts that a full batch does not wait for a flush while the exit deadline is
// ahead, whether it was full before, becomes full, or becomes full during a flush.
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

// TestTenThousandItemsWithinTheWindow asserts that a large backlog leaves in the 500 ms that a process has after
// SIGTERM, at a round trip of 100 ms.
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

// TestShutdownOfAnImpatientCaller asserts that a caller of Shutdown with less time leaves the others their own, and
// keeps them from no further flush.
func TestShutdownOfAnImpatientCaller(t *testing.T) {
	for name, queue := range map[string]func() *delivery.Queue[string]{
		"Sender": func() *delivery.Queue[string] {
			begin := time.Now()
			_, q := newQueue(newBackend(func(request) reply {
				if time.Since(begin) < 3*time.Second {
					return busy
				}
				return accepts
			}))
			return q
		},
		"custom exporter": func() *delivery.Queue[string] {
			failures := 0
			return newItemQueue(&exporter{takes: func(context.Context, []string) error {
				time.Sleep(2 * time.Second)
				if failures++; failures == 1 {
					return errDown
				}
				return nil
			}})
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queue()
			push(q, "a")
			running := async(func() error { return q.Flush(within(t, 10*time.Second)) })
			synctest.Wait()
			patient := async(func() error { return q.Shutdown(within(t, 10*time.Second)) })
			time.Sleep(100 * ms)
			if q.Shutdown(within(t, time.Second)) == nil {
				t.Errorf("%s: the caller with a second: no error", name)
			}
			wantNil(t, "the caller with ten", <-patient)
			<-running
			wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1})
		})
	}
}
