package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestFlushDelivers asserts that a flush sends full batches in order, and that a flush of nothing calls nobody.
func TestFlushDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b, batchSize(2))
		_, err := flush(t, q, time.Second)
		wantNil(t, "a flush of nothing", err)
		wantBodies(t, b)
		push(q, "a", "b", "c")
		if n, flushNow := q.Pending(); n != 3 || flushNow {
			t.Errorf("Pending: %d, %v", n, flushNow)
		}
		_, err = flush(t, q, time.Second)
		wantNil(t, "flush", err)
		wantSorted(t, "requests", b.bodies(), "a,b", "c")
		wantStats(t, q, delivery.Stats{Ended: 3, Exported: 3})
		if n, flushNow := q.Pending(); n != 0 || flushNow {
			t.Errorf("Pending: %d, %v", n, flushNow)
		}
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
		if err := <-short; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first caller: %v", err)
		}
		wantTook(t, "the first caller", time.Since(begin), time.Second)
		synctest.Wait()
		if now, _ := b.underWay(); now != 1 {
			t.Errorf("%d requests with a caller left, want 1", now)
		}
		if err := <-long; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second caller: %v", err)
		}
		wantTook(t, "the second caller", time.Since(begin), 2*time.Second)
		synctest.Wait()
		if now, _ := b.underWay(); now != 0 || q.Idle() != nil {
			t.Errorf("%d requests without a caller, want 0", now)
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
				go q.Push("new")
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
		if err := q.Flush(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("flush: %v", err)
		}
		synctest.Wait()
		wantBodies(t, b)
		if err := q.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("shutdown: %v", err)
		}
		time.Sleep(time.Second)
		if n := b.closed(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
	})
}

// TestDeafSender asserts that a Sender that ignores its context keeps no caller, and that Close waits for it.
func TestDeafSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(reply{hangs: true, deaf: true}))
		_, q := newQueue(b)
		push(q, "a")
		took, err := flush(t, q, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		wantTook(t, "flush", took, time.Second)
		took, err = flush(t, q, time.Second)
		if err == nil || took > 300*ms {
			t.Errorf("the next: %v after %v", err, took)
		}
		if err := q.Shutdown(within(t, 400*ms)); err == nil {
			t.Error("shutdown: no error")
		}
		time.Sleep(time.Second)
		if n := b.closed(); n != 0 {
			t.Error("closed during a Send")
		}
		close(b.released)
		time.Sleep(time.Second)
		if n := b.closed(); n != 1 {
			t.Errorf("closed %d times", n)
		}
		b.check(t)
	})
}

// panicking is a Sender that panics or ends its goroutine.
type panicking struct {
	*backend
	fault func()
}

func (p panicking) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	p.fault()
	return delivery.Result{}, nil
}

func TestPanickingSender(t *testing.T) {
	for name, fault := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		for _, hedge := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				e := delivery.NewEngine(panicking{newBackend(nil), fault}, delivery.NewResources(1<<20))
				q := addQueue(e, func(c *delivery.Config) { c.Hedge = hedge })
				push(q, "a")
				if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
					t.Errorf("%s: %v", name, err)
				}
				wantStats(t, q, delivery.Stats{Ended: 1, Dropped: delivery.Dropped{Refused: 1}})
				wantNil(t, "shutdown", q.Shutdown(t.Context()))
			})
		}
	}
}

// TestErrorIsNotAccepted asserts that an error counts, even if a Sender breaks its contract.
func TestErrorIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(reply{err: errDown}))
		_, q := newQueue(b)
		push(q, "a")
		if _, err := flush(t, q, time.Second); !errors.Is(err, errDown) {
			t.Errorf("flush: %v", err)
		}
		wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
	})
}

// TestRetries asserts that a flush overcomes a short fault, with pauses of tens of milliseconds.
func TestRetries(t *testing.T) {
	for _, how := range []reply{cuts, busy} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(script(how, how))
			_, q := newQueue(b)
			push(q, "a")
			took, err := flush(t, q, time.Second)
			wantNil(t, "flush", err)
			if took < 30*ms || took > 90*ms {
				t.Errorf("two retries took %v", took)
			}
		})
	}
}

// TestRetryNextFlushEndsTheFlush asserts that a fault that will last ends the flush at once, also for the batches that
// pause, and that nothing is sent twice.
func TestRetryNextFlushEndsTheFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(func(r request) reply {
			if r.items == "a" {
				return retryAfter(500 * ms).in(5 * ms)
			}
			return later.in(10 * ms)
		})
		_, q := newQueue(b, batchSize(1))
		push(q, "a", "b")
		took, err := flush(t, q, time.Second)
		wantTook(t, "flush", took, 10*ms)
		if !errors.Is(err, later.err) {
			t.Errorf("flush: %v", err)
		}
		wantSorted(t, "requests", b.bodies(), "a", "b")
	})
}

// TestRetryAfter asserts when a flush waits as the backend asks, and when it gives up at once.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name                 string
		after, timeout, took time.Duration
		delivered            bool
	}{
		{"within the caller's time", time.Second, 2 * time.Second, time.Second, true},
		{"beyond the caller's time", 2 * time.Second, time.Second, 0, false},
		{"beyond the timeout of an export", 40 * time.Second, time.Hour, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(script(retryAfter(c.after)))
				_, q := newQueue(b)
				push(q, "a")
				took, err := flush(t, q, c.timeout)
				wantTook(t, "flush", took, c.took)
				if (err == nil) != c.delivered {
					t.Errorf("flush: %v", err)
				}
				took, err = flush(t, q, c.timeout)
				if !c.delivered && (err == nil || took != 0 || len(b.log()) != 1) {
					t.Errorf("the next flush: %v after %v, %d requests", err, took, len(b.log()))
				}
			})
		})
	}
}

// TestRetryAfterWithinTheTimeOfOneCallerOfTwo asserts that a flush has the time of its most patient caller.
func TestRetryAfterWithinTheTimeOfOneCallerOfTwo(t *testing.T) {
	for _, patience := range []time.Duration{time.Minute, 0} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(script(retryAfter(2 * time.Second).in(100 * ms)))
			_, q := newQueue(b)
			push(q, "a")
			begin := time.Now()
			short := async(func() error { return q.Flush(within(t, time.Second)) })
			synctest.Wait()
			long := async(func() error {
				if patience == 0 {
					return q.Flush(context.Background())
				}
				return q.Flush(within(t, patience))
			})
			if err := <-short; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller with a second: %v", err)
			}
			wantTook(t, "it", time.Since(begin), time.Second)
			wantNil(t, "the other", <-long)
			wantTook(t, "it", time.Since(begin), 2100*ms)
			requests := b.log()
			if len(requests) != 2 || requests[1].left < 20*time.Second {
				t.Errorf("%+v, want a second attempt with the time of the second caller", requests)
			}
		})
	}
}

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
			q.Push(item)
		}
		q.Push(strings.Repeat("y", 30<<10))
		_, err := flush(t, q, time.Second)
		if dropsIn(err) != 1 || !strings.Contains(fmt.Sprint(err), "413") {
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
		var drops *delivery.DropError
		if !errors.As(err, &drops) || drops.Dropped != (delivery.Dropped{QueueFull: 1}) {
			t.Errorf("the flush under way: %v", err)
		}
		_, err = flush(t, q, time.Second)
		if !errors.As(err, &drops) || drops.Dropped != (delivery.Dropped{Rejected: 2}) ||
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
		q.Push("0")
		first := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		push(q, numbers(10)[1:]...)
		_ = <-first
		_, _ = flush(t, q, time.Second)
		wantSorted(t, "delivered", b.delivered(), "0", "7", "8", "9")
		wantStats(t, q, delivery.Stats{Ended: 10, Exported: 4, Dropped: delivery.Dropped{QueueFull: 6}})
	})
}

// TestQueueThatIsAllUnderWayDropsTheNewest asserts that an item is dropped if all others are being sent.
func TestQueueThatIsAllUnderWayDropsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, capacity(2))
		push(q, "a", "b")
		synctest.Wait() // half full: a flush is under way
		push(q, "c")
		if _, err := flush(t, q, time.Second); dropsIn(err) != 1 {
			t.Errorf("flush: %v", err)
		}
		wantSorted(t, "delivered", b.delivered(), "a", "b")
	})
}

// TestExportTimeout asserts that the timeout of one batch ends its delivery, whatever the caller has.
func TestExportTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		_, q := newQueue(b, func(c *delivery.Config) { c.Timeout = 2 * time.Second })
		push(q, "a")
		for _, ctx := range []context.Context{within(t, time.Minute), context.Background()} {
			begin := time.Now()
			if err := q.Flush(ctx); err == nil {
				t.Error("no error")
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		}
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
