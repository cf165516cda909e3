package delivery_test

import (
	"errors"
	"fmt"
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

var outages = []outage{{"hangs", hangs}, {"answers 503", busy}, {"cuts connections", cuts}}

// TestOutageCost is the acceptance bound: over 1,000 invocations an outage costs at most 5 ms each on average, and the
// first flush at most its timeout. After the outage everything that the queue holds is delivered.
func TestOutageCost(t *testing.T) {
	for _, how := range outages {
		for _, usual := range []time.Duration{0, 5 * ms, 30 * ms} {
			for _, apart := range []time.Duration{10 * ms, 100 * ms, time.Second} {
				name := fmt.Sprintf("%s, %v apart, usual answer %v", how.name, apart, usual)
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { outageCost(t, how.reply, apart, usual) })
				})
			}
		}
	}
}

func outageCost(t *testing.T, how reply, apart, usual time.Duration) {
	const invocations, timeout = 1000, 2 * time.Second
	b := newBackend(always(accepts.in(usual)))
	_, q := newQueue(b, capacity(300), batchSize(50))
	var want []string
	for usual > 0 && len(want) < 10 {
		push(q, "warm")
		want = append(want, "warm")
		_, err := flush(t, q, timeout)
		wantNil(t, "flush before the outage", err)
	}
	before := len(b.log())
	b.become(always(how))
	var first, others time.Duration
	var reported int64
	for i := range invocations {
		push(q, strconv.Itoa(i))
		took, err := flush(t, q, timeout)
		if err == nil {
			t.Fatal("a flush succeeded")
		}
		reported += dropsIn(err)
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
	_, err := flush(t, q, timeout)
	if reported += dropsIn(err); reported != 700 {
		t.Errorf("%d drops were reported, want 700; last flush: %v", reported, err)
	}
	wantSorted(t, "delivered", b.delivered(), append(want, numbers(invocations)[700:]...)...)
	wantNil(t, "shutdown", q.Shutdown(t.Context()))
	b.check(t)
}

// TestOutageCostOfSignals is the acceptance bound for two and three signals that are flushed together, as the SDK does.
// Metrics are collections of a cumulative and a delta point; the backend recognises no log record.
func TestOutageCostOfSignals(t *testing.T) {
	losing := append(outages, outage{"loses answers", loses})
	for _, how := range losing {
		for _, apart := range []time.Duration{10 * ms, 100 * ms, time.Second} {
			for _, signals := range []int{2, 3} {
				t.Run(fmt.Sprintf("%d signals, %s, %v apart", signals, how.name, apart), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { outageCostOfSignals(t, how.reply, apart, signals) })
				})
			}
		}
	}
}

func outageCostOfSignals(t *testing.T, how reply, apart time.Duration, signals int) {
	const invocations, timeout = 1000, 2 * time.Second
	b := newBackend(always(how))
	e, traces := newQueue(b, capacity(300), hedged)
	metrics := addQueue(e, capacity(300), signal(delivery.Metrics))
	logs := addQueue(e, capacity(300), logs)
	queues := []*delivery.Queue[string]{traces, metrics, logs}[:signals]
	flushAll := func() (failed error) {
		var running []<-chan error
		for _, q := range queues {
			running = append(running, async(func() error { return q.Flush(within(t, timeout)) }))
		}
		for _, r := range running {
			failed = errors.Join(failed, <-r)
		}
		return failed
	}
	var first, others time.Duration
	for i := range invocations {
		began := time.Now()
		push(traces, strconv.Itoa(i))
		push(logs, strconv.Itoa(i))
		collect(metrics, "c", "d")
		_ = flushAll()
		if took := time.Since(began); i == 0 {
			first = took
		} else {
			others += took
		}
		time.Sleep(apart)
	}
	mean := others / (invocations - 1)
	t.Logf("mean %v, first %v, %d requests", mean, first, len(b.log()))
	if mean > 5*ms || first > timeout {
		t.Errorf("mean %v, first %v; want at most 5ms and %v", mean, first, timeout)
	}
	b.become(always(accepts))
	time.Sleep(time.Minute)
	_ = flushAll() // reports the drops
	wantNil(t, "flush after the outage", flushAll())
	for _, q := range queues {
		if s := q.Stats(); s.Exported < 300 || s.Pending != 0 {
			t.Errorf("after the outage: %+v", s)
		}
		addUp(t, q.Stats())
	}
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
			found := 0
			for err = errDown; err != nil && found < 60; found++ {
				time.Sleep(time.Minute)
				_, err = flush(t, q, 2*time.Second)
			}
			t.Logf("a backend that takes %v is found by probe %d", slow, found)
			wantNil(t, fmt.Sprintf("flush with a backend that takes %v", slow), err)
		})
	}
}

// TestNextFlushAfterOneFailureProbesImmediately asserts that one failure does not make the next flush wait.
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
			b.become(always(accepts))
			took, err := flush(t, q, 2*time.Second)
			wantNil(t, how.name, err)
			wantTook(t, how.name, took, 0)
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
			if err == nil || how.reply.err != nil && !errors.Is(err, how.reply.err) {
				t.Errorf("%s: %v", how.name, err)
			}
			if got := q.Stats().Breaker; got != breaker.Open || len(b.log()) != before {
				t.Errorf("%s: breaker %v, %d requests more", how.name, got, len(b.log())-before)
			}
		})
	}
}

// TestProbeIsOneRequest asserts that a half-open breaker lets one request through, and all others after its answer.
func TestProbeIsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(cuts))
		_, q := newQueue(b, batchSize(1))
		push(q, "a", "b", "c", "d")
		_, _ = flush(t, q, time.Second)
		b.become(always(accepts.in(50 * ms)))
		before := len(b.log())
		done := async(func() error { return q.Flush(within(t, time.Second)) })
		synctest.Wait()
		if n := len(b.log()) - before; n != 1 {
			t.Errorf("%d requests of a probe, want 1", n)
		}
		begin := time.Now()
		wantNil(t, "flush", <-done)
		wantTook(t, "the probe and the rest", time.Since(begin), 100*ms)
		wantStats(t, q, delivery.Stats{Ended: 4, Exported: 4})
	})
}

// TestPermanentRefusalCloses asserts that a backend that refuses items for good is not taken for being down.
func TestPermanentRefusalCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(cuts))
		_, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, time.Second)
		b.become(always(refuses))
		_, err := flush(t, q, time.Second)
		var drops *dropError
		if !errors.As(err, &drops) || drops.dropped != (delivery.Dropped{Refused: 1}) {
			t.Errorf("flush: %v", err)
		}
		if got := q.Stats().Breaker; got != breaker.Closed {
			t.Errorf("breaker %v, want closed", got)
		}
	})
}

// TestSlowBackendIsNotDown asserts that a backend slower than a probe's timeout is left alone while it answers.
func TestSlowBackendIsNotDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(1900 * ms)))
		_, q := newQueue(b)
		for range 5 {
			push(q, "a")
			took, err := flush(t, q, 2*time.Second)
			wantNil(t, "flush", err)
			wantTook(t, "flush", took, 1900*ms)
		}
	})
}

// TestShortFlushesOpenTheBreakerTogether asserts that flushes with little time prove a hang together, not alone.
func TestShortFlushesOpenTheBreakerTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		_, q := newQueue(b)
		push(q, "a")
		var states []breaker.State
		for range 4 {
			_, _ = flush(t, q, 30*ms)
			synctest.Wait()
			states = append(states, q.Stats().Breaker)
		}
		want := []breaker.State{breaker.Closed, breaker.Closed, breaker.Closed, breaker.HalfOpen}
		for i := range want {
			if states[i] != want[i] {
				t.Fatalf("after each flush of 30 ms: %v, want %v", states, want)
			}
		}
	})
}

// TestShortFlushWithARefusedConnectionOpensAtOnce asserts that a refused connection proves an outage, however short the
// flush is and whatever happens to its other requests.
func TestShortFlushWithARefusedConnectionOpensAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(script(cuts, hangs, hangs))
		_, q := newQueue(b, batchSize(1))
		push(q, "a", "b")
		_, _ = flush(t, q, 60*ms)
		synctest.Wait()
		if got := q.Stats().Breaker; got != breaker.HalfOpen {
			t.Errorf("after the flush: %v, want half-open", got)
		}
	})
}

// TestSenderThatReturnsLateProvesNothing asserts that the time after the caller has left does not count as silence of the
// backend: the process may have been frozen.
func TestSenderThatReturnsLateProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(reply{hangs: true, deaf: true}))
		_, q := newQueue(b)
		push(q, "a")
		_, _ = flush(t, q, 30*ms)
		time.Sleep(time.Second)
		if got := q.Stats().Breaker; q.Idle() != nil || got != breaker.Closed {
			t.Errorf("after one flush of 30 ms: %v, flush under way: %v", got, q.Idle() != nil)
		}
		close(b.released)
	})
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

// Test413IsAnAnswer asserts that a backend that refuses a size, and then does not answer a smaller request, is up.
func Test413IsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(func(r request) reply {
			if strings.Contains(r.items, ",") {
				return tooLarge
			}
			return hangs
		})
		_, q := newQueue(b)
		push(q, strings.Repeat("a", 100<<10), strings.Repeat("b", 100<<10))
		_, err := flush(t, q, time.Second)
		synctest.Wait()
		if got := q.Stats().Breaker; err == nil || got != breaker.Closed || len(b.log()) != 2 {
			t.Errorf("%v, breaker %v after %d requests, want a closed one", err, got, len(b.log()))
		}
		wantStats(t, q, delivery.Stats{Ended: 2, Pending: 2})
	})
}
