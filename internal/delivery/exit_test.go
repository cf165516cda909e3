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

// lastChances are the two ways to tell the engine that no later flush is certain, with d left.
var lastChances = []struct {
	name string
	run  func(t *testing.T, e *delivery.Engine, q *delivery.Queue[string], d time.Duration) error
}{
	{"Shutdown", func(t *testing.T, _ *delivery.Engine, q *delivery.Queue[string], d time.Duration) error {
		return q.Shutdown(within(t, d))
	}},
	{"SetExitDeadline", func(t *testing.T, e *delivery.Engine, q *delivery.Queue[string], d time.Duration) error {
		e.SetExitDeadline(time.Now().Add(d))
		return q.Flush(within(t, d))
	}},
}

func forLastChances(t *testing.T, b func() *backend, change []func(*delivery.Config),
	test func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error),
) {
	for _, l := range lastChances {
		t.Run(l.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := b()
				e, q := newQueue(b, change...)
				test(t, b, q, func(d time.Duration) error { return l.run(t, e, q, d) })
				e.SetExitDeadline(time.Time{})
				_ = q.Shutdown(within(t, 10*ms))
				time.Sleep(time.Minute)
				b.check(t)
			})
		})
	}
}

// TestLastChanceLiftsProbeTimeout asserts that a probe under way lasts until the deadline.
func TestLastChanceLiftsProbeTimeout(t *testing.T) {
	forLastChances(t, func() *backend { return newBackend(always(hangs)) }, nil,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			_, _ = flush(t, q, time.Second)
			b.become(always(accepts.in(300 * ms))) // a probe lasts 100 ms
			probe := async(func() error { return q.Flush(within(t, time.Second)) })
			time.Sleep(90 * ms)
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 210*ms)
			wantNil(t, "the probe", <-probe)
			if n := len(b.log()); n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
		})
}

// TestLastChanceWidensProbe asserts that the other batches no longer wait for the probe.
func TestLastChanceWidensProbe(t *testing.T) {
	forLastChances(t, func() *backend { return newBackend(always(hangs)) }, []func(*delivery.Config){batchSize(1)},
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a", "b", "c")
			_, _ = flush(t, q, time.Second)
			b.become(always(accepts.in(200 * ms)))
			probe := async(func() error { return q.Flush(within(t, time.Second)) })
			synctest.Wait()
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 200*ms)
			wantNil(t, "the probe", <-probe)
		})
}

// TestLastChanceEndsBackoff asserts that a pause for Retry-After ends.
func TestLastChanceEndsBackoff(t *testing.T) {
	forLastChances(t, func() *backend { return newBackend(script(retryAfter(time.Second))) }, nil,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			running := async(func() error { return q.Flush(within(t, 2*time.Second)) })
			time.Sleep(100 * ms)
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 0)
			wantNil(t, "the flush under way", <-running)
			wantBodies(t, b, "a", "a")
		})
}

// TestLastChanceGivesAFailedFlushAnotherTry asserts that a flush that has given up, and ends because one request hangs,
// sends the rest again, and what has come since.
func TestLastChanceGivesAFailedFlushAnotherTry(t *testing.T) {
	answer := func() func(request) reply {
		fail := script(later)
		return func(r request) reply {
			if r.items == "hangs" {
				return hangs
			}
			return fail(r)
		}
	}
	forLastChances(t, func() *backend { return newBackend(answer()) }, []func(*delivery.Config){batchSize(1)},
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "hangs", "fails")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			running := async(func() error { return q.Flush(ctx) })
			synctest.Wait()
			push(q, "last")
			if last(400*ms) == nil {
				t.Error("no error though a request hangs")
			}
			wantStats(t, q, delivery.Stats{Ended: 3, Exported: 2, Pending: 1})
			cancel()
			<-running
		})
}

// TestLastChanceIgnoresBreakerAndRetryAfter asserts that neither an open breaker, a hold nor Retry-After keeps the last
// flush from trying.
func TestLastChanceIgnoresBreakerAndRetryAfter(t *testing.T) {
	for _, how := range []reply{hangs, cuts, busy, retryAfter(10 * time.Second), later} {
		forLastChances(t, func() *backend { return newBackend(always(how)) }, []func(*delivery.Config){batchSize(1)},
			func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
				push(q, "a", "b", "c")
				for range 3 {
					_, _ = flush(t, q, time.Second)
				}
				synctest.Wait()
				b.become(always(accepts.in(100 * ms)))
				begin := time.Now()
				wantNil(t, "the last flush", last(450*ms))
				wantTook(t, "it", time.Since(begin), 100*ms)
				wantStats(t, q, delivery.Stats{Ended: 3, Exported: 3})
			})
	}
}

// TestLastChanceTriesToTheEnd asserts that retries go on until the deadline, with pauses.
func TestLastChanceTriesToTheEnd(t *testing.T) {
	for _, how := range []reply{cuts, busy, later} {
		forLastChances(t, func() *backend { return newBackend(always(how)) }, nil,
			func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
				push(q, "a")
				begin := time.Now()
				if last(450*ms) == nil {
					t.Error("no error")
				}
				requests := b.log()
				if n := len(requests); n < 6 || n > 91 {
					t.Errorf("%d requests in 450 ms", n)
				}
				if at := requests[len(requests)-1].at.Sub(begin); at < 400*ms {
					t.Errorf("the last attempt is at %v", at)
				}
			})
	}
}

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

// TestHedge asserts when a request without an answer is sent again in the last moments, and that it is only for items
// that a backend recognises.
func TestHedge(t *testing.T) {
	for _, c := range []struct {
		name  string
		hedge bool
		hangs time.Duration // before the deadline is set
		took  time.Duration // from then to the delivery; 0: never
	}{
		{"a request that has hung for long is sent again at once", true, time.Second, 10 * ms},
		{"one that began a little earlier after half of its time", true, 230 * ms, 110 * ms},
		{"one that begins then after half of the time", true, 0, 225 * ms},
		{"delta points and log records are not hedged", false, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(func() func(request) reply {
					n := 0
					return func(request) reply {
						if n++; n == 1 {
							return hangs
						}
						return accepts.in(10 * ms)
					}
				}())
				e, q := newQueue(b, func(cfg *delivery.Config) { cfg.Hedge = c.hedge })
				push(q, "a")
				running := async(func() error { return q.Flush(within(t, 2*time.Second)) })
				time.Sleep(c.hangs)
				synctest.Wait()
				begin := time.Now()
				e.SetExitDeadline(begin.Add(430 * ms))
				err := <-running
				if c.took > 0 {
					wantNil(t, "flush", err)
					wantTook(t, "it", time.Since(begin), c.took)
					wantBodies(t, b, "a", "a")
				} else if err == nil || len(b.log()) != 1 {
					t.Errorf("flush: %v after %d requests, want an error after one", err, len(b.log()))
				}
			})
		})
	}
}

// TestHedgeStaysWithinTheLimit asserts that hedged requests count against the limit of requests at once.
func TestHedgeStaysWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		b.limits.Requests = 4
		_, q := newQueue(b, hedged, batchSize(1))
		push(q, "a", "b", "c")
		_ = q.Shutdown(within(t, 450*ms))
		time.Sleep(time.Second)
		if _, most := b.underWay(); most != 4 {
			t.Errorf("%d requests at once, want all 4", most)
		}
		b.check(t)
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
