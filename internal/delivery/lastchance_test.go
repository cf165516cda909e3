package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

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
// sends the rest again, and the items that have come since.
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
		func(t *testing.T, _ *backend, q *delivery.Queue[string], last func(time.Duration) error) {
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
		forLastChances(t, func() *backend { return newBackend(always(how)) }, []func(*delivery.Config){batchSize(1), hedged},
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

// TestLastChanceLiftsExportTimeout asserts that Config.Timeout does not end an attempt in the last moments, neither one
// under way nor a new one.
func TestLastChanceLiftsExportTimeout(t *testing.T) {
	short := []func(*delivery.Config){func(c *delivery.Config) { c.Timeout = 100 * ms }}
	slow := func() *backend { return newBackend(always(accepts.in(300 * ms))) }
	forLastChances(t, slow, short,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			running := async(func() error { return q.Flush(within(t, time.Second)) })
			time.Sleep(50 * ms)
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 250*ms)
			wantNil(t, "the flush under way", <-running)
			wantBodies(t, b, "a")
		})
	forLastChances(t, slow, short,
		func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a")
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), 300*ms)
			wantBodies(t, b, "a")
		})
}

// TestLastChanceHonorsRetryAfterThatFits asserts one rule for a flush that is under way and for one that begins then:
// it waits as the backend asks if the time suffices, and otherwise does not wait.
func TestLastChanceHonorsRetryAfterThatFits(t *testing.T) {
	for _, c := range []struct{ asked, took time.Duration }{{300 * ms, 200 * ms}, {time.Second, 0}} {
		for _, underWay := range []bool{true, false} {
			forLastChances(t, func() *backend { return newBackend(script(retryAfter(c.asked))) }, nil,
				func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
					push(q, "a")
					patience := 10 * ms
					if underWay {
						patience = 2 * time.Second
					}
					running := async(func() error { return q.Flush(within(t, patience)) })
					time.Sleep(100 * ms)
					begin := time.Now()
					wantNil(t, "the last flush", last(450*ms))
					wantTook(t, "it", time.Since(begin), c.took)
					if err := <-running; (err == nil) != underWay {
						t.Errorf("the first flush: %v", err)
					}
					wantBodies(t, b, "a", "a")
				})
		}
	}
}
