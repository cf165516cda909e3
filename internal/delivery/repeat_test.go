package delivery_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// logs configures items that the backend does not recognise; options has the same default.
func logs(c *delivery.Config) { c.Signal, c.Hedge = delivery.Logs, false }

// TestLostAnswersRepeatOnceInAFlush asserts that items which the backend does not recognise go out at most twice in a
// flush if answers are lost, that they are never dropped for it, and that each repetition counts.
func TestLostAnswersRepeatOnceInAFlush(t *testing.T) {
	for name, how := range map[string]reply{
		"the connection breaks": loses, "no answer": hangs, "the sender does not return": {hangs: true, deaf: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(always(how))
				_, q := newQueue(b, logs, func(c *delivery.Config) { c.Timeout = 300 * ms })
				push(q, "a", "b")
				for i := range 20 {
					before := len(b.log())
					_, err := flush(t, q, 2*time.Second)
					if n := len(b.log()) - before; n > 2 || err == nil {
						t.Errorf("flush %d: %d requests, error %v; want 2 at most and an error", i, n, err)
					}
					time.Sleep(time.Second)
				}
				b.become(always(accepts))
				time.Sleep(time.Minute)
				_, err := flush(t, q, 2*time.Second)
				wantNil(t, "flush", err)
				wantStats(t, q, delivery.Stats{Ended: 2, Exported: 2, Repeated: 2 * int64(len(b.log())-1)})
				close(b.released)
			})
		})
	}
}

// TestRepetition asserts how often items go out in a flush, and what counts as repeated.
func TestRepetition(t *testing.T) {
	twice := loses
	twice.result.AnswersLost = 2
	second := accepts
	second.result.AnswersLost = 1
	for _, c := range []struct {
		name     string
		hedge    bool
		replies  []reply
		requests int // in the first flush
		repeated int64
	}{
		{"without a lost answer there is no limit", false, []reply{cuts, busy, busy, cuts}, 5, 0},
		{"after a lost answer once", false, []reply{loses}, 2, 1},
		{"a second lost answer ends that", false, []reply{loses, loses}, 2, 2},
		{"a refused connection between them is no repetition", false, []reply{loses, cuts, busy, loses}, 4, 2},
		{"the sender has repeated it itself", false, []reply{second}, 1, 1},
		{"and lost both answers", false, []reply{twice}, 1, 2},
		{"recognised items have no limit", true, []reply{loses, loses, loses, loses}, 5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(script(c.replies...))
				_, q := newQueue(b, func(cfg *delivery.Config) { cfg.Hedge = c.hedge })
				push(q, "a")
				_, _ = flush(t, q, 2*time.Second)
				if n := len(b.log()); n != c.requests {
					t.Errorf("%d requests in the first flush, want %d", n, c.requests)
				}
				_, err := flush(t, q, 2*time.Second)
				wantNil(t, "second flush", err)
				wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1, Repeated: c.repeated})
			})
		})
	}
}

// TestEachFlushRepeatsOnce asserts that a later flush repeats items again, and that only the items of a request count
// as repeated.
func TestEachFlushRepeatsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		b := newBackend(func(r request) reply {
			if r.items == "a" && lost < 3 {
				lost++
				return loses
			}
			return accepts
		})
		_, q := newQueue(b, logs, batchSize(2), requestBytes(1))
		push(q, "a", "b", "c")
		if _, err := flush(t, q, 2*time.Second); err == nil {
			t.Error("no error after two lost answers")
		}
		_, err := flush(t, q, 2*time.Second)
		wantNil(t, "second flush", err)
		wantSorted(t, "requests", b.bodies(), "a", "a", "a", "a", "b", "c")
		wantStats(t, q, delivery.Stats{Ended: 3, Exported: 3, Repeated: 3})
	})
}

// TestRepetitionOfAMixedCollection asserts that only delta points count as repeated.
func TestRepetitionOfAMixedCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(loses, loses))
		_, q := newQueue(b, signal(delivery.Metrics))
		collect(q, "c", "c", "d")
		_, _ = flush(t, q, 2*time.Second)
		_, err := flush(t, q, 2*time.Second)
		wantNil(t, "second flush", err)
		wantBodies(t, b, "c,c,d", "c,c,d", "c,c,d")
		wantStats(t, q, delivery.Stats{Ended: 3, Exported: 3, Repeated: 2})
	})
}

// TestShutdownGoesOnWithoutABatch asserts that a batch which may not be sent again in a shutdown's flush does not keep
// the others from being sent, and that it stays pending.
func TestShutdownGoesOnWithoutABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(func(r request) reply {
			if r.items == "a" {
				return loses
			}
			return accepts.in(50 * ms)
		})
		b.limits.Requests = 1
		_, q := newQueue(b, logs, batchSize(1))
		push(q, "a", "b", "c")
		if err := q.Shutdown(within(t, 400*ms)); err == nil {
			t.Error("no error")
		}
		wantBodies(t, b, "a", "a", "b", "c")
		wantStats(t, q, delivery.Stats{Ended: 3, Exported: 2, Pending: 1, Repeated: 1})
	})
}

// TestShutdownRepeatsARequestThatHangs asserts that a shutdown sends log records again in time if their request gets no answer,
// on a connection that died in a freeze for example. If the backend is as slow as usual, or has not answered before, the first
// request has all of the time.
func TestShutdownRepeatsARequestThatHangs(t *testing.T) {
	for _, c := range []struct {
		name     string
		usual    reply
		first    reply
		took     time.Duration
		requests int
	}{
		{"it hangs", accepts.in(10 * ms), hangs, 260 * ms, 2},
		{"the backend is slow", accepts.in(100 * ms), accepts.in(390 * ms), 390 * ms, 1},
		{"the backend has not answered before", hangs, accepts.in(390 * ms), 390 * ms, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(always(c.usual))
				_, q := newQueue(b, logs)
				push(q, "before")
				_, _ = flush(t, q, 200*ms)
				b.become(script(c.first))
				before := len(b.log())
				push(q, "a")
				began := time.Now()
				err := q.Shutdown(within(t, 400*ms))
				if took, n := time.Since(began), len(b.log())-before; err != nil || took > c.took || n != c.requests {
					t.Errorf("%v, %d requests in %v; want %d in %v", err, n, took, c.requests, c.took)
				}
			})
		})
	}
}
