package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

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
			wantBodies(t, b, "a", "a")
		})
	}
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

// TestLongestRetryAfterCounts asserts that a request that is answered later with a shorter Retry-After does not shorten
// the pause that the backend has asked for.
func TestLongestRetryAfterCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(10*time.Second).in(10*ms), retryAfter(time.Second).in(20*ms)))
		_, q := newQueue(b, batchSize(1))
		push(q, "a", "b")
		_, _ = flush(t, q, 500*ms)
		time.Sleep(5 * time.Second)
		if _, err := flush(t, q, time.Second); err == nil || len(b.log()) != 2 {
			t.Errorf("after 5 of 10 seconds: %v, %d requests more", err, len(b.log())-2)
		}
		time.Sleep(5 * time.Second)
		_, err := flush(t, q, time.Second)
		wantNil(t, "after 10 seconds", err)
	})
}

// TestRetriesGoOnAfterRetryAfter asserts that the pause which the backend asked for is no time without progress.
func TestRetriesGoOnAfterRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(time.Second), busy))
		_, q := newQueue(b)
		push(q, "a")
		_, err := flush(t, q, 2*time.Second)
		wantNil(t, "flush", err)
		wantBodies(t, b, "a", "a", "a")
	})
}

// TestCallerWithoutALimitJoins asserts that a flush goes on without a limit for a caller that has none, if an export has no
// timeout either.
func TestCallerWithoutALimitJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(time.Minute).in(100 * ms)))
		_, q := newQueue(b, func(c *delivery.Config) { c.Timeout = 0 })
		push(q, "a")
		short := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		begin := time.Now()
		wantNil(t, "the caller without a limit", q.Flush(context.Background()))
		wantTook(t, "it", time.Since(begin), time.Minute+100*ms)
		if err := <-short; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller with a second: %v", err)
		}
	})
}

// TestRetryAfterIsNamed asserts that an error tells that the backend wants no request, and why.
func TestRetryAfterIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newQueue(newBackend(always(retryAfter(time.Minute))))
		push(q, "a")
		want := "flush spans: the backend asked for a pause of 1m0s (Retry-After); last failure: 503 Service Unavailable; 1 pending"
		for range 3 {
			_, err := flush(t, q, time.Second)
			if err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			time.Sleep(time.Second)
		}
	})
}
