package delivery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// collect pushes a collection. Items that begin with "c" are replaceable, as cumulative points are.
func collect(q *delivery.Queue[string], items ...string) {
	q.PushCollection(items, func(item string) int { return len(item) }, func(item string) bool { return strings.HasPrefix(item, "c") })
}

// TestCollectionReplacesTheOneThatWaits asserts that the replaceable items of a collection leave when the next one
// comes, and that the others stay and go first.
func TestCollectionReplacesTheOneThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(cuts))
		_, q := newQueue(b, signal(delivery.Metrics))
		push(q, "c0") // not in a collection
		collect(q, "c1", "d1", "c1")
		if _, err := flush(t, q, 10*ms); err == nil {
			t.Error("no error")
		}
		collect(q, "c2", "d2")
		wantStats(t, q, delivery.Stats{Ended: 6, Pending: 4, Superseded: 2})
		collect(q) // without items, it replaces nothing
		_, err := flush(t, q, time.Second)
		wantNil(t, "flush", err)
		wantBodies(t, b, "c0,c1,d1,c1", "c0,d1,c2,d2")
		collect(q, "c3")
		b.become(always(cuts))
		if q.Shutdown(within(t, 10*ms)) == nil {
			t.Error("shutdown: no error")
		}
		collect(q, "c4")
		wantStats(t, q, delivery.Stats{Ended: 8, Exported: 4, Superseded: 2, Pending: 1, Dropped: delivery.Dropped{AfterShutdown: 1}})
	})
}

// TestCollectionReplacesOneUnderWay asserts that the replaceable items of a request under way leave if it does not
// deliver them.
func TestCollectionReplacesOneUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		first  reply
		bodies string
		want   delivery.Stats
	}{
		"accepted":  {accepts, "c1,d1 c2,d2", delivery.Stats{Ended: 4, Exported: 4}},
		"refused":   {refuses, "c1,d1 c2,d2", delivery.Stats{Ended: 4, Exported: 2, Dropped: delivery.Dropped{Refused: 2}}},
		"retryable": {busy, "c1,d1 d1 c2,d2", delivery.Stats{Ended: 4, Exported: 3, Superseded: 1}},
		"next time": {later, "c1,d1 d1,c2,d2", delivery.Stats{Ended: 4, Exported: 3, Superseded: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(script(c.first.in(50 * ms)))
				_, q := newQueue(b, signal(delivery.Metrics))
				collect(q, "c1", "d1")
				done := async(func() error { return q.Flush(within(t, time.Second)) })
				synctest.Wait()
				collect(q, "c2", "d2")
				wantStats(t, q, delivery.Stats{Ended: 4, Pending: 4})
				<-done
				_, _ = flush(t, q, time.Second)
				if got := strings.Join(b.bodies(), " "); got != c.bodies {
					t.Errorf("requests %q, want %q", got, c.bodies)
				}
				wantStats(t, q, c.want)
			})
		})
	}
}

// TestSupersededItemsLeaveNothing asserts that a flush whose items are all superseded meanwhile succeeds.
func TestSupersededItemsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(cuts.in(50 * ms)))
		_, q := newQueue(b, signal(delivery.Metrics))
		collect(q, "c1")
		done := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		collect(q, "c2")
		wantNil(t, "flush", <-done)
		wantStats(t, q, delivery.Stats{Ended: 2, Pending: 1, Superseded: 1})
		wantBodies(t, b, "c1")
	})
}
