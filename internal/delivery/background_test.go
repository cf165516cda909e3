package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestBackgroundExport asserts that items leave after the delay while it is on, that nothing runs while it is off, and
// that the delay begins with the first item after a flush.
func TestBackgroundExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b)
		push(q, "a")
		time.Sleep(time.Hour)
		wantBodies(t, b)
		q.SetBackgroundExport(true)
		time.Sleep(time.Second)
		synctest.Wait()
		wantBodies(t, b, "a")
		push(q, "b")
		time.Sleep(900 * ms)
		_, err := flush(t, q, time.Second)
		wantNil(t, "flush", err)
		push(q, "c")
		time.Sleep(900 * ms)
		wantBodies(t, b, "a", "b")
		time.Sleep(100 * ms)
		synctest.Wait()
		wantBodies(t, b, "a", "b", "c")
		push(q, "d")
		q.SetBackgroundExport(false)
		time.Sleep(time.Hour)
		wantBodies(t, b, "a", "b", "c")
		wantStats(t, q, delivery.Stats{Ended: 4, Exported: 3, Pending: 1})
	})
}

// TestBackgroundGoesOnAfterFailures asserts that a failure is reported and tried again on the breaker's schedule.
func TestBackgroundGoesOnAfterFailures(t *testing.T) {
	for _, how := range outages {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(how.reply))
			var r reports
			_, q := newQueue(b, r.onError, hedged, func(c *delivery.Config) { c.Timeout = 5 * time.Second })
			q.SetBackgroundExport(true)
			push(q, "a")
			time.Sleep(10 * time.Minute)
			errs := r.all()
			if len(errs) < 10 || len(errs) > 20 {
				t.Errorf("%s: %d reports in ten minutes", how.name, len(errs))
			}
			for _, err := range errs {
				if !strings.Contains(err, "export spans: ") || !strings.Contains(err, "1 pending") {
					t.Errorf("%s: reported %q", how.name, err)
				}
			}
			b.become(always(accepts))
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1})
			if n := len(r.all()); n > len(errs)+1 {
				t.Errorf("%s: %d reports after the outage", how.name, n-len(errs))
			}
		})
	}
}

// TestHalfFullExportsInTheBackground asserts that half a queue leaves without a flush, also if the background export is
// off or a background flush is under way when the threshold is reached.
func TestHalfFullExportsInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		_, q := newQueue(b, capacity(4))
		push(q, "a")
		synctest.Wait()
		wantBodies(t, b)
		push(q, "b")
		synctest.Wait()
		wantBodies(t, b, "a,b")
		push(q, "c", "d")
		synctest.Wait()
		wantBodies(t, b, "a,b")
		time.Sleep(200 * ms)
		synctest.Wait()
		wantBodies(t, b, "a,b", "c,d")
		wantStats(t, q, delivery.Stats{Ended: 4, Exported: 4})
	})
}

// TestHalfFullDuringACallersFlush asserts that the background export follows a caller's flush if it is on. If it is off
// nothing may be under way when the caller has its answer.
func TestHalfFullDuringACallersFlush(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts.in(100 * ms)))
			_, q := newQueue(b, func(c *delivery.Config) { c.Delay = time.Hour }, batchSize(100))
			q.SetBackgroundExport(on)
			push(q, "first")
			running := async(func() error { return q.Flush(within(t, time.Second)) })
			synctest.Wait()
			push(q, numbers(60)...)
			wantNil(t, "flush", <-running)
			synctest.Wait()
			if now, _ := b.underWay(); now != map[bool]int{false: 0, true: 1}[on] {
				t.Errorf("background export %v: %d requests under way", on, now)
			}
			time.Sleep(time.Second)
		})
	}
}

// TestBackgroundWaitsWhileOpen asserts that no background flush begins while the breaker is open or before Retry-After.
func TestBackgroundWaitsWhileOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(retryAfter(time.Minute)))
		_, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, time.Second)
		q.SetBackgroundExport(true)
		push(q, numbers(60)...)
		time.Sleep(59 * time.Second)
		if n := len(b.log()); n != 1 {
			t.Errorf("%d requests before Retry-After", n)
		}
		b.become(always(accepts))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		wantStats(t, q, delivery.Stats{Ended: 61, Exported: 61})
	})
}

// TestCallerTakesOverTheBackgroundFlush asserts that a background flush ends with the caller who joins it if the
// background export is off, and goes on otherwise.
func TestCallerTakesOverTheBackgroundFlush(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(hangs))
			var r reports
			_, q := newQueue(b, capacity(4), r.onError)
			q.SetBackgroundExport(on)
			push(q, "a", "b")
			if _, err := flush(t, q, time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("flush: %v", err)
			}
			synctest.Wait()
			if now, _ := b.underWay(); now != map[bool]int{false: 0, true: 1}[on] {
				t.Errorf("background export %v: %d requests under way", on, now)
			}
			time.Sleep(29*time.Second + 200*ms)
			if n := len(r.all()); (n > 0) != on {
				t.Errorf("background export %v: reported %q", on, r.all())
			}
			b.become(always(accepts))
			wantNil(t, "shutdown", q.Shutdown(within(t, time.Second)))
		})
	}
}

// TestFreezeEndsRetryAfter asserts that time in which the process was frozen counts as waiting.
func TestFreezeEndsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(time.Minute), accepts.in(20*ms)))
		_, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, time.Second)
		time.Sleep(time.Hour) // frozen: no code runs
		took, err := flush(t, q, time.Second)
		wantNil(t, "after the freeze", err)
		wantTook(t, "it", took, 20*ms)
	})
}

// TestBackgroundExportBacksOff asserts that a background export that fails at once is repeated after growing pauses, and that it
// recovers. The export delay, the kind of the failure and further pushes make no difference.
func TestBackgroundExportBacksOff(t *testing.T) {
	for _, c := range []struct {
		name     string
		delay    time.Duration
		fullness int // items
		breaker  bool
		reply    reply
	}{
		{"no delay", 0, 1, false, later},
		{"a short delay", ms, 1, false, cuts},
		{"a half-full queue", 0, 60, false, later},
		{"with a breaker", 0, 1, true, cuts},
		{"with Retry-After", 0, 1, true, retryAfter(time.Minute)},
	} {
		synctest.Test(t, func(t *testing.T) {
			const most = 1000
			n := 0
			b := newBackend(func(request) reply {
				if n++; n > most {
					return accepts // the test would not end
				}
				return c.reply
			})
			b.limits.Breaker = c.breaker
			_, q := newQueue(b, func(cfg *delivery.Config) { cfg.Delay, cfg.Timeout = c.delay, 100*ms })
			q.SetBackgroundExport(true)
			push(q, numbers(c.fullness)...)
			for range 59 {
				time.Sleep(time.Second)
				push(q, "more")
			}
			if got := len(b.log()); got > 60 {
				t.Errorf("%s: %d requests in a minute", c.name, got)
			}
			b.become(always(accepts))
			time.Sleep(2 * time.Minute)
			if s := q.Stats(); s.Exported+s.Dropped.QueueFull != s.Ended {
				t.Errorf("%s: after the fault: %+v", c.name, s)
			}
			before := len(b.log())
			push(q, "next")
			time.Sleep(max(c.delay, ms))
			synctest.Wait()
			if len(b.log()) == before {
				t.Errorf("%s: the export delay is not normal again", c.name)
			}
		})
	}
}
