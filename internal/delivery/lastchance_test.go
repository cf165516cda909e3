package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// lastChances are the two ways to tell the engine that no later flush is certain, with d left.
var lastChances = map[string]func(t *testing.T, e *delivery.Engine, q *delivery.Queue[string], d time.Duration) error{
	"Shutdown": func(t *testing.T, _ *delivery.Engine, q *delivery.Queue[string], d time.Duration) error {
		return q.Shutdown(within(t, d))
	},
	"SetExitDeadline": func(t *testing.T, e *delivery.Engine, q *delivery.Queue[string], d time.Duration) error {
		e.SetExitDeadline(time.Now().Add(d))
		return q.Flush(within(t, d))
	},
}

func forLastChances(t *testing.T, name string, b func() *backend,
	test func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error),
	change ...func(*delivery.Config),
) {
	for how, run := range lastChances {
		t.Run(name+", "+how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := b()
				e, q := newQueue(b, change...)
				test(t, b, q, func(d time.Duration) error { return run(t, e, q, d) })
				e.SetExitDeadline(time.Time{})
				_ = q.Shutdown(within(t, 10*ms))
				time.Sleep(time.Minute)
				b.check(t)
			})
		})
	}
}

// TestLastChanceDelivers asserts which limits do not count in the last flush: the timeouts, the breaker, a probe under
// way, and a Retry-After that does not fit.
func TestLastChanceDelivers(t *testing.T) {
	none := func(*delivery.Config) {}
	timeout := func(c *delivery.Config) { c.Timeout = 100 * ms }
	type scenario struct {
		name     string
		change   func(*delivery.Config)
		first    []reply       // the last one again and again
		failures int           // flushes of a second before
		then     reply         // after them, if it takes time; otherwise first goes on
		patience time.Duration // of a flush under way; 0: there is none
		after    time.Duration // when the last chance comes, since the beginning of that flush
		took     time.Duration // from then to the delivery
		requests int
	}
	scenarios := []scenario{
		{"a probe lasts until the deadline", none, []reply{hangs}, 1, accepts.in(300 * ms), time.Second, 90 * ms, 210 * ms, 2},
		{"batches do not wait for a probe", batchSize(1), []reply{hangs}, 1, accepts.in(200 * ms), time.Second, 0, 200 * ms, 6},
		{"a timeout does not end a request", timeout, []reply{hangs}, 0, accepts.in(300 * ms), time.Second, 50 * ms, 250 * ms, 1},
		{"nor a new one", timeout, []reply{hangs}, 0, accepts.in(300 * ms), 0, 0, 300 * ms, 1},
	}
	for _, how := range []reply{hangs, cuts, busy, retryAfter(10 * time.Second), later} {
		scenarios = append(scenarios, scenario{
			"breaker and Retry-After do not count", hedged, []reply{how}, 3, accepts.in(100 * ms), 0, 0, 100 * ms, 0,
		})
	}
	for asked, took := range map[time.Duration]time.Duration{300 * ms: 200 * ms, time.Second: 0} {
		for _, patience := range []time.Duration{10 * ms, 2 * time.Second} { // it has ended, or goes on
			scenarios = append(scenarios, scenario{
				"Retry-After of " + asked.String(), none,
				[]reply{retryAfter(asked), accepts},
				0,
				reply{},
				patience, 100 * ms, took, 2,
			})
		}
	}
	for _, c := range scenarios {
		first := func() *backend {
			n := 0
			return newBackend(func(request) reply {
				n++
				return c.first[min(n, len(c.first))-1]
			})
		}
		test := func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
			push(q, "a", "b", "c")
			for range c.failures {
				_, _ = flush(t, q, time.Second)
			}
			synctest.Wait()
			if c.then.after > 0 {
				b.become(always(c.then))
			}
			if c.patience > 0 {
				running := async(func() error { return q.Flush(within(t, c.patience)) })
				defer func() { t.Log("the flush before it:", <-running) }()
				time.Sleep(c.after)
				synctest.Wait()
			}
			begin := time.Now()
			wantNil(t, "the last flush", last(450*ms))
			wantTook(t, "it", time.Since(begin), c.took)
			if n := len(b.log()); c.requests > 0 && n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			wantSorted(t, "delivered", b.delivered(), "a", "b", "c")
		}
		forLastChances(t, c.name, first, test, c.change)
	}
}

// TestLastChanceGivesAFailedFlushAnotherTry asserts that a flush that has given up, and ends because one request hangs,
// sends the rest again, and the items that have come since.
func TestLastChanceGivesAFailedFlushAnotherTry(t *testing.T) {
	answer := func() *backend {
		fail := script(later)
		return newBackend(func(r request) reply {
			if r.items == "hangs" {
				return hangs
			}
			return fail(r)
		})
	}
	test := func(t *testing.T, _ *backend, q *delivery.Queue[string], last func(time.Duration) error) {
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
	}
	forLastChances(t, "", answer, test, batchSize(1))
}

// TestLastChanceTriesToTheEnd asserts that retries go on until the deadline, with pauses.
func TestLastChanceTriesToTheEnd(t *testing.T) {
	for _, how := range []reply{cuts, busy, later} {
		failing := func() *backend { return newBackend(always(how)) }
		test := func(t *testing.T, b *backend, q *delivery.Queue[string], last func(time.Duration) error) {
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
		}
		forLastChances(t, "", failing, test)
	}
}
