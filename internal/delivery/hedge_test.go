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
				n := 0
				b := newBackend(func(request) reply {
					if n++; n == 1 {
						return hangs
					}
					return accepts.in(10 * ms)
				})
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

// TestAnswersToAHedgedRequest asserts which of two answers counts: an acceptance before a refusal, that before a
// retryable answer, and any answer before none.
func TestAnswersToAHedgedRequest(t *testing.T) {
	pause := retryAfter(10 * time.Second)
	refused := delivery.Stats{Ended: 1, Dropped: delivery.Dropped{Refused: 1}}
	for name, c := range map[string]struct {
		first, second reply // the second request begins after 225 ms
		want          delivery.Stats
		says          string // of the error
	}{
		"the first is accepted":              {accepts.in(300 * ms), hangs, delivery.Stats{Ended: 1, Exported: 1}, ""},
		"the second is accepted":             {hangs, accepts, delivery.Stats{Ended: 1, Exported: 1}, ""},
		"accepted after a retryable answer":  {accepts.in(300 * ms), pause, delivery.Stats{Ended: 1, Exported: 1}, ""},
		"the first is refused":               {refuses.in(300 * ms), hangs, refused, "400"},
		"refused after a retryable answer":   {refuses.in(300 * ms), pause, refused, "400"},
		"a retryable answer to the first":    {pause.in(300 * ms), hangs, delivery.Stats{Ended: 1, Pending: 1}, ""},
		"a retryable answer to the second":   {hangs, pause, delivery.Stats{Ended: 1, Pending: 1}, ""},
		"retryable, and a connection broken": {pause.in(300 * ms), cuts, delivery.Stats{Ended: 1, Pending: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(script(c.first, c.second, hangs, hangs, hangs, hangs, hangs, hangs))
				e, q := newQueue(b, hedged)
				push(q, "a")
				e.SetExitDeadline(time.Now().Add(450 * ms))
				_, err := flush(t, q, 450*ms)
				if (err == nil) != (c.want.Exported == 1) || c.says != "" && !strings.Contains(err.Error(), c.says) {
					t.Errorf("flush: %v", err)
				}
				wantStats(t, q, c.want)
				before := len(b.log())
				time.Sleep(time.Second)
				_, err = flush(t, q, time.Second)
				if c.want.Pending > 0 && (len(b.log()) != before || !strings.Contains(err.Error(), "Retry-After")) {
					t.Errorf("after the exit deadline: %v, %d requests more", err, len(b.log())-before)
				}
			})
		})
	}
}

// TestHedgeStaysWithinTheLimit asserts that hedged requests count against the limit of requests at once, and that none
// is sent in the first 100 ms.
func TestHedgeStaysWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		b.limits.Requests = 4
		_, q := newQueue(b, hedged, batchSize(1))
		push(q, "a", "b", "c")
		done := async(func() error { return q.Shutdown(within(t, 150*ms)) })
		time.Sleep(99 * ms)
		if _, most := b.underWay(); most != 3 {
			t.Errorf("%d requests in the first 99 ms, want 3", most)
		}
		<-done
		time.Sleep(time.Second)
		if _, most := b.underWay(); most != 4 {
			t.Errorf("%d requests at once, want all 4", most)
		}
		b.check(t)
	})
}
