package delivery_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

type outage struct {
	name  string
	reply reply
}

var outages = []outage{{"hangs", hangs}, {"answers 503", busy}, {"cuts connections", cuts}, {"loses answers", loses}}

// TestOutageCost is the acceptance bound: over 1,000 invocations an outage costs at most 5 ms each on average, and the
// first flush at most its timeout. The signals are flushed together, as the SDK does. After the outage everything that
// the queues hold is delivered, and every drop was reported once.
func TestOutageCost(t *testing.T) {
	for _, how := range outages {
		for _, apart := range []time.Duration{10 * ms, 100 * ms, time.Second} {
			for usual, signals := range map[time.Duration]int{0: 1, 5 * ms: 2, 30 * ms: 3} {
				t.Run(fmt.Sprintf("%s, %v apart, usual answer %v, %d signals", how.name, apart, usual, signals), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { outageCost(t, how.reply, apart, usual, signals) })
				})
			}
		}
	}
}

// outageCost is TestOutageCost for some of three signals. Metrics are collections of a cumulative and a delta point;
// the backend recognises no log record.
func outageCost(t *testing.T, how reply, apart, usual time.Duration, signals int) {
	const invocations, timeout = 1000, 2 * time.Second
	b := newBackend(always(accepts.in(usual)))
	e, traces := newQueue(b, capacity(300), batchSize(50), hedged)
	metrics := addQueue(e, capacity(300), signal(delivery.Metrics))
	logs := addQueue(e, capacity(300), logs)
	queues := []*delivery.Queue[string]{traces, metrics, logs}[:signals]
	reported := map[int]int64{}
	invoke := func(item string) time.Duration {
		began := time.Now()
		push(traces, item)
		collect(metrics, "c", "d")
		push(logs, item)
		var running []<-chan error
		for _, q := range queues {
			running = append(running, async(func() error { return q.Flush(within(t, timeout)) }))
		}
		for i, r := range running {
			reported[i] += dropsIn(<-r)
		}
		return time.Since(began)
	}
	for usual > 0 && len(b.log()) < 10*signals {
		invoke("warm")
	}
	before := len(b.log())
	b.become(always(how))
	var first, others time.Duration
	for i := range invocations {
		took := invoke(strconv.Itoa(i))
		if i == 0 {
			first = took
		} else {
			others += took
		}
		time.Sleep(apart)
	}
	mean := others / (invocations - 1)
	t.Logf("mean %v, first %v, %d requests", mean, first, len(b.log())-before)
	if mean > 5*ms || first > timeout {
		t.Errorf("mean %v, first %v; want at most 5ms and %v", mean, first, timeout)
	}
	b.become(always(accepts.in(usual)))
	time.Sleep(time.Minute)
	invoke("last")
	for i, q := range queues {
		_, err := flush(t, q, timeout)
		s := q.Stats()
		if reported[i] += dropsIn(err); reported[i] != s.Dropped.Total() || s.Pending != 0 || s.Exported < 300 {
			t.Errorf("%d drops reported: %+v", reported[i], s)
		}
		addUp(t, s)
	}
	delivered := b.delivered()
	for _, item := range numbers(invocations)[invocations-299:] {
		if !slices.Contains(delivered, item) {
			t.Errorf("item %s is not delivered", item)
		}
	}
	b.check(t)
}

// dropsIn returns how many drops err reports.
func dropsIn(err error) int64 {
	var drops *dropError
	if !errors.As(err, &drops) {
		return 0
	}
	return drops.dropped.Total()
}

// TestSlowerBackendIsFoundAgain asserts that a backend which comes back slower than the probe timeout is found.
func TestSlowerBackendIsFoundAgain(t *testing.T) {
	for _, slow := range []time.Duration{150 * ms, 400 * ms, 1500 * ms} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts))
			_, q := newQueue(b)
			push(q, "a")
			_, err := flush(t, q, 2*time.Second)
			wantNil(t, "first flush", err)
			b.become(always(hangs))
			push(q, "b")
			for range 100 {
				_, _ = flush(t, q, 2*time.Second)
				time.Sleep(time.Second)
			}
			b.become(always(accepts.in(slow)))
			for found := 0; found < 60; found++ {
				time.Sleep(time.Minute)
				if _, err = flush(t, q, 2*time.Second); err == nil {
					break
				}
			}
			wantNil(t, fmt.Sprintf("flush with a backend that takes %v", slow), err)
		})
	}
}

// TestNextFlushAfterOneFailureProbesImmediately asserts that one failure does not make the next flush wait: it sends
// one request, and all others after its answer.
func TestNextFlushAfterOneFailureProbesImmediately(t *testing.T) {
	for _, how := range outages {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(how.reply))
			_, q := newQueue(b, batchSize(1))
			push(q, "a", "b", "c")
			if _, err := flush(t, q, 2*time.Second); err == nil {
				t.Error("the flush succeeded")
			}
			synctest.Wait()
			if got := q.Stats().Breaker; got != breaker.HalfOpen {
				t.Errorf("%s: after one failure %v, want half-open", how.name, got)
			}
			b.become(always(accepts.in(50 * ms)))
			before := len(b.log())
			done := async(func() error { return q.Flush(within(t, 2*time.Second)) })
			synctest.Wait()
			if n := len(b.log()) - before; n != 1 || q.Stats().Breaker != breaker.HalfOpen {
				t.Errorf("%s: %d requests of a probe, want 1", how.name, n)
			}
			begin := time.Now()
			wantNil(t, how.name, <-done)
			wantTook(t, "the probe and the rest", time.Since(begin), 100*ms)
			if got := q.Stats().Breaker; got != breaker.Closed {
				t.Errorf("%s: after a success %v, want closed", how.name, got)
			}
		})
	}
}

// TestFlushWhileOpen asserts that an open breaker costs no time and names the last failure.
func TestFlushWhileOpen(t *testing.T) {
	for _, how := range outages {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(how.reply))
			_, q := newQueue(b)
			push(q, "a")
			for range 2 {
				_, _ = flush(t, q, time.Second)
			}
			synctest.Wait()
			before := len(b.log())
			took, err := flush(t, q, time.Second)
			wantTook(t, "a flush while "+how.name, took, 0)
			if err == nil || !strings.Contains(err.Error(), "open for another 100ms") || how.reply.err != nil && !errors.Is(err, how.reply.err) {
				t.Errorf("%s: %v", how.name, err)
			}
			if got := q.Stats().Breaker; got != breaker.Open || len(b.log()) != before {
				t.Errorf("%s: breaker %v, %d requests more", how.name, got, len(b.log())-before)
			}
		})
	}
}

// TestBackendIsNotDown asserts which answers keep the breaker closed: a permanent refusal, also one of a request's size
// after which a smaller one gets none, and an answer that takes longer than a probe's timeout.
func TestBackendIsNotDown(t *testing.T) {
	large := strings.Repeat("a", 100<<10)
	size := func(r request) reply {
		if strings.Contains(r.items, ",") {
			return tooLarge
		}
		return hangs
	}
	for name, c := range map[string]struct {
		answer  func(request) reply
		flushes int
		want    delivery.Stats
	}{
		"refusal": {always(refuses), 3, delivery.Stats{Ended: 6, Dropped: delivery.Dropped{Refused: 6}}},
		"slow":    {always(accepts.in(1900 * ms)), 3, delivery.Stats{Ended: 6, Exported: 6}},
		"413":     {size, 1, delivery.Stats{Ended: 2, Pending: 2}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(c.answer)
			_, q := newQueue(b, hedged)
			for range c.flushes {
				push(q, large, large)
				_, _ = flush(t, q, 2*time.Second)
				synctest.Wait()
				if got := q.Stats().Breaker; got != breaker.Closed {
					t.Errorf("%s: breaker %v, want closed", name, got)
				}
			}
			wantStats(t, q, c.want)
		})
	}
}

// TestShortFlushes asserts that flushes with little time prove a hang together, not alone. A refused connection proves
// an outage, whatever happens to the other requests. The time after the caller has left proves nothing: the process may
// have been frozen.
func TestShortFlushes(t *testing.T) {
	closed, halfOpen := breaker.Closed, breaker.HalfOpen
	for name, c := range map[string]struct {
		answer func(request) reply
		want   []breaker.State // after each flush
	}{
		"a hang":                   {always(hangs), []breaker.State{closed, closed, closed, halfOpen}},
		"a refused connection":     {script(cuts, hangs, hangs), []breaker.State{halfOpen}},
		"a sender that comes late": {always(reply{after: time.Second, deaf: true, err: errDown}), []breaker.State{closed}},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, q := newQueue(newBackend(c.answer), batchSize(1), hedged)
			push(q, "a", "b")
			for i, want := range c.want {
				_, _ = flush(t, q, 30*ms)
				synctest.Wait()
				if idle := q.Idle(); idle != nil {
					<-idle
				}
				if got := q.Stats().Breaker; got != want {
					t.Errorf("%s: after flush %d of 30 ms: %v, want %v", name, i+1, got, want)
				}
			}
			time.Sleep(time.Minute)
		})
	}
}

// TestAnswerAfterAFreezeDoesNotLengthenProbes asserts that an answer which is read long after the flush had to end, as
// after a freeze, does not count as the usual answer time of the backend.
func TestAnswerAfterAFreezeDoesNotLengthenProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(reply{after: 110 * ms, deaf: true, result: accepts.result}))
		_, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, 20*ms)
		time.Sleep(time.Second)
		wantStats(t, q, delivery.Stats{Ended: 1, Exported: 1})
		b.become(always(hangs))
		push(q, "b")
		_, _ = flush(t, q, 2*time.Second)
		took, _ := flush(t, q, 2*time.Second)
		wantTook(t, "the probe", took, 100*ms)
	})
}
