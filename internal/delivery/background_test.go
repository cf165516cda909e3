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
	})
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
		push(q, "b", "c", "d")
		synctest.Wait()
		wantBodies(t, b, "a,b")
		time.Sleep(200 * ms)
		wantBodies(t, b, "a,b", "c,d")
	})
}

// TestHalfFullTriesAgainWithEachBatch asserts that a queue that stays half full after a failure is tried again.
func TestHalfFullTriesAgainWithEachBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(later))
		_, q := newQueue(b, capacity(8), batchSize(2))
		push(q, numbers(4)...)
		synctest.Wait()
		push(q, "next", "batch")
		synctest.Wait()
		wantStats(t, q, delivery.Stats{Ended: 6, Exported: 6})
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
			if now, _ := b.underWay(); (now == 1) != on {
				t.Errorf("background export %v: %d requests under way", on, now)
			}
			time.Sleep(time.Second)
		})
	}
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
			if now, _ := b.underWay(); (now == 1) != on {
				t.Errorf("background export %v: %d requests under way", on, now)
			}
			time.Sleep(29*time.Second + 200*ms)
			if got := r.all(); (len(got) > 0) != on {
				t.Errorf("background export %v: reported %q", on, got)
			}
			b.become(always(accepts))
			wantNil(t, "shutdown", q.Shutdown(within(t, time.Second)))
		})
	}
}

// TestBackgroundExportDuringAnOutage asserts that a background export that fails is reported and repeated after growing
// pauses, and that it recovers. The export delay, the kind of the failure, a breaker and further pushes make no
// difference.
func TestBackgroundExportDuringAnOutage(t *testing.T) {
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
		{"a backend that hangs", 0, 1, true, hangs},
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
			var r reports
			_, q := newQueue(b, r.onError, func(cfg *delivery.Config) { cfg.Delay, cfg.Timeout = c.delay, 100*ms })
			q.SetBackgroundExport(true)
			push(q, numbers(c.fullness)...)
			for range 59 {
				time.Sleep(time.Second)
				push(q, "more")
			}
			if got, errs := len(b.log()), r.all(); got > 60 || len(errs) == 0 || !strings.Contains(errs[0], "export spans: ") {
				t.Errorf("%s: %d requests in a minute, reported %q", c.name, got, errs)
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
