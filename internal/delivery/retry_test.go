package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestRetries asserts that a flush overcomes a short fault with pauses of tens of milliseconds, and for how long it
// retries without progress: half a second, or a quarter of a longer flush.
func TestRetries(t *testing.T) {
	for _, how := range []reply{cuts, busy} {
		for _, c := range []struct {
			failures       int
			budget         time.Duration
			shortest, most time.Duration
			requests       int // at least
		}{
			{2, time.Second, 30 * ms, 90 * ms, 3},
			{1000, time.Second, 100 * ms, 500 * ms, 4},
			{1000, 20 * time.Second, 2 * time.Second, 5 * time.Second, 8},
		} {
			synctest.Test(t, func(t *testing.T) {
				failures := make([]reply, c.failures)
				for i := range failures {
					failures[i] = how
				}
				b := newBackend(script(failures...))
				_, q := newQueue(b)
				push(q, "a")
				took, err := flush(t, q, c.budget)
				if took < c.shortest || took > c.most || (err == nil) != (c.failures == 2) || len(b.log()) < c.requests {
					t.Errorf("%d failures, %v: %d requests in %v: %v", c.failures, c.budget, len(b.log()), took, err)
				}
			})
		}
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

// TestRetryAfter asserts when a flush waits as the backend asks, and when it gives up at once with an error that says
// so.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name                 string
		after, timeout, took time.Duration
		err                  string
	}{
		{"within the caller's time", time.Second, 2 * time.Second, time.Second, ""},
		{
			"beyond the caller's time", time.Minute, time.Second, 0,
			"flush spans: the backend asked for a pause of 1m0s (Retry-After); last failure: 503 Service Unavailable; 1 pending",
		},
		{
			"beyond the timeout of an export", 40 * time.Second, time.Hour, 0,
			"flush spans: the backend asked for a pause of 40s (Retry-After); last failure: 503 Service Unavailable; 1 pending",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(script(retryAfter(c.after)))
				_, q := newQueue(b)
				push(q, "a")
				for range 3 {
					took, err := flush(t, q, c.timeout)
					wantTook(t, "flush", took, c.took)
					if c.err == "" {
						wantNil(t, "flush", err)
						return
					}
					if err == nil || err.Error() != c.err || len(b.log()) != 1 {
						t.Errorf("%v after %d requests, want %s", err, len(b.log()), c.err)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(c.after)
				_, err := flush(t, q, c.timeout)
				wantNil(t, "after the pause", err)
			})
		})
	}
}

// TestRetryAfterWithinTheTimeOfOneCallerOfTwo asserts that a flush has the time of its most patient caller, also of one
// without a limit.
func TestRetryAfterWithinTheTimeOfOneCallerOfTwo(t *testing.T) {
	for _, c := range []struct{ pause, timeout, patience time.Duration }{
		{2 * time.Second, 30 * time.Second, time.Minute}, {2 * time.Second, 30 * time.Second, 0}, {time.Minute, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(script(retryAfter(c.pause).in(100 * ms)))
			_, q := newQueue(b, func(cfg *delivery.Config) { cfg.Timeout = c.timeout })
			push(q, "a")
			begin := time.Now()
			short := async(func() error { return q.Flush(within(t, time.Second)) })
			synctest.Wait()
			ctx := context.Background()
			if c.patience > 0 {
				ctx = within(t, c.patience)
			}
			wantNil(t, "the patient caller", q.Flush(ctx))
			wantTook(t, "it", time.Since(begin), c.pause+100*ms)
			if err := <-short; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller with a second: %v", err)
			}
			wantBodies(t, b, "a", "a")
		})
	}
}

// TestExportTimeout asserts that the timeout of one batch ends its delivery, whatever the caller has.
func TestExportTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newQueue(newBackend(always(hangs)), func(c *delivery.Config) { c.Timeout = 2 * time.Second })
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

// TestAnswerAfterTheExportTimeout asserts that a batch whose time is over is sent no further if a late answer decides
// about a part of it, and that the next batch follows if it decides about all.
func TestAnswerAfterTheExportTimeout(t *testing.T) {
	for _, c := range []struct {
		after     time.Duration
		batchSize int
		requests  []string
	}{{530 * ms, 3, []string{"a", "b"}}, {1030 * ms, 1, []string{"a", "b", "c"}}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(reply{after: c.after, deaf: true, result: accepts.result}))
			b.limits.Requests = 1
			_, q := newQueue(b, batchSize(c.batchSize), requestBytes(1), func(cfg *delivery.Config) { cfg.Timeout = time.Second })
			push(q, "a", "b", "c")
			if _, err := flush(t, q, time.Minute); (err == nil) != (len(c.requests) == 3) {
				t.Errorf("flush: %v", err)
			}
			wantBodies(t, b, c.requests...)
			wantSorted(t, "delivered", b.delivered(), c.requests...)
		})
	}
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
