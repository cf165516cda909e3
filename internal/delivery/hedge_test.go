package delivery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestHedge asserts when a request without an answer is sent again in the last moments, and that it is only for items
// that a backend recognises.
func TestHedge(t *testing.T) {
	for _, c := range []struct {
		name  string
		items string
		hedge bool
		hangs time.Duration // before the deadline is set
		took  time.Duration // from then to the delivery; 0: never
	}{
		{"a request that has hung for long is sent again at once", "a", true, time.Second, 10 * ms},
		{"one that began a little earlier after half of its time", "a", true, 230 * ms, 110 * ms},
		{"one that begins then after half of the time", "a", true, 0, 225 * ms},
		{"log records are not hedged", "a", false, time.Second, 0},
		{"cumulative points are hedged", "c1,c2", false, time.Second, 10 * ms},
		{"delta points are not, nor points sent with them", "c1,d2", false, time.Second, 0},
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
				collect(q, strings.Split(c.items, ",")...)
				running := async(func() error { return q.Flush(within(t, 2*time.Second)) })
				time.Sleep(c.hangs)
				synctest.Wait()
				begin := time.Now()
				e.SetExitDeadline(begin.Add(430 * ms))
				err := <-running
				if c.took > 0 {
					wantNil(t, "flush", err)
					wantTook(t, "it", time.Since(begin), c.took)
					wantBodies(t, b, c.items, c.items)
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

// TestAnswerToAHedgedRequestCounts asserts that a Retry-After counts if the second request gets no answer.
func TestAnswerToAHedgedRequestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(retryAfter(10*time.Second).in(300*ms), hangs))
		e, q := newQueue(b, hedged)
		push(q, "a")
		e.SetExitDeadline(time.Now().Add(450 * ms))
		if _, err := flush(t, q, 450*ms); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if _, err := flush(t, q, time.Second); err == nil || !strings.Contains(err.Error(), "Retry-After") || len(b.log()) != 2 {
			t.Errorf("after the exit deadline: %v, %d requests", err, len(b.log()))
		}
	})
}
