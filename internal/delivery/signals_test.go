package delivery_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// origin returns one engine with a queue for traces, metrics and logs.
func origin(b *backend, change ...func(*delivery.Config)) (traces, metrics, logs *delivery.Queue[string]) {
	e, traces := newQueue(b, change...)
	metrics = addQueue(e, append(change, signal(delivery.Metrics))...)
	logs = addQueue(e, append(change, signal(delivery.Logs))...)
	return traces, metrics, logs
}

// tracesAndOthers answers the requests of traces in one way and the others in another.
func tracesAndOthers(its, others reply) func(request) reply {
	return func(r request) reply {
		if r.signal == delivery.Traces {
			return its
		}
		return others
	}
}

func count(b *backend, s delivery.Signal) (n int) {
	for _, r := range b.log() {
		if r.signal == s {
			n++
		}
	}
	return n
}

// TestEachSignalHasASlot asserts that the limit of requests at once holds, and that one signal with many batches leaves
// a slot for each of the others, even if there is but one.
func TestEachSignalHasASlot(t *testing.T) {
	for _, limit := range []int{1, 32} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts.in(100 * ms)))
			b.limits.Requests = limit
			traces, metrics, logs := origin(b, batchSize(1))
			push(traces, numbers(90)...)
			first := async(func() error { return traces.Flush(within(t, time.Minute)) })
			synctest.Wait()
			push(metrics, "m")
			push(logs, numbers(9)...)
			begin := time.Now()
			second := async(func() error { return metrics.Flush(within(t, time.Minute)) })
			third := async(func() error { return logs.Flush(within(t, time.Minute)) })
			synctest.Wait()
			if now, _ := b.underWay(); now != max(limit, 3) || count(b, delivery.Metrics) != 1 || count(b, delivery.Logs) != 1 {
				t.Errorf("limit %d: %d requests at once, %d of metrics, %d of logs; want one of each", limit, now,
					count(b, delivery.Metrics), count(b, delivery.Logs))
			}
			wantNil(t, "metrics", <-second)
			wantTook(t, "metrics", time.Since(begin), 100*ms)
			wantNil(t, "traces and logs", errors.Join(<-first, <-third))
			if took := time.Since(begin); limit > 1 && took > 500*ms {
				t.Errorf("logs took %v after traces", took)
			}
			if _, most := b.underWay(); most > max(limit, 3) {
				t.Errorf("limit %d: %d requests at once", limit, most)
			}
		})
	}
}

// TestFaultOfOneSignal asserts that one signal that is refused or gets no answer opens its own breaker and delays no
// other.
func TestFaultOfOneSignal(t *testing.T) {
	for _, how := range []reply{busy.in(100 * ms), retryAfter(10 * time.Second), hangs, cuts} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(tracesAndOthers(how, accepts.in(5*ms)))
			traces, metrics, _ := origin(b, batchSize(1))
			push(traces, numbers(20)...)
			if how.result.Answered { // the origin is up
				_, _ = flush(t, traces, time.Second)
				synctest.Wait()
			}
			for round := range 20 {
				push(metrics, "m", "m")
				first := async(func() error { return traces.Flush(within(t, time.Second)) })
				synctest.Wait()
				took, err := flush(t, metrics, time.Second)
				wantNil(t, "metrics", err)
				if took > 5*ms {
					t.Errorf("round %d, %v: metrics took %v", round, how.err, took)
				}
				if <-first == nil {
					t.Error("traces: no error")
				}
				synctest.Wait()
			}
			if traces.Stats().Breaker == breaker.Closed || metrics.Stats().Breaker != breaker.Closed {
				t.Errorf("traces %v, metrics %v", traces.Stats().Breaker, metrics.Stats().Breaker)
			}
			b.become(always(accepts))
			time.Sleep(time.Minute)
			_, err := flush(t, traces, time.Second)
			wantNil(t, "traces after the fault", err)
		})
	}
}

// TestOutageIsKnownToAllSignals asserts that a signal whose first flush begins while another signal of the origin gets
// no answer sends one probe.
func TestOutageIsKnownToAllSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		traces, metrics, logs := origin(b, batchSize(1))
		push(traces, "t")
		_, _ = flush(t, traces, 2*time.Second)
		synctest.Wait()
		push(metrics, "m", "m")
		took, _ := flush(t, metrics, 2*time.Second)
		wantTook(t, "the first flush of metrics", took, 100*ms)
		if n := count(b, delivery.Metrics); n != 1 || logs.Stats().Breaker != breaker.Closed {
			t.Errorf("%d requests, breaker of logs %v", n, logs.Stats().Breaker)
		}
		b.become(always(accepts.in(5 * ms)))
		time.Sleep(time.Minute)
		for _, q := range []*delivery.Queue[string]{traces, metrics, logs} {
			push(logs, "l", "l")
			took, err := flush(t, q, time.Second)
			wantNil(t, "after the outage", err)
			if q == logs {
				wantTook(t, "a flush without a probe", took, 5*ms)
			}
		}
	})
}

// TestOneSignalIsShutDown asserts that Shutdown of one signal leaves the others and closes nothing.
func TestOneSignalIsShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(tracesAndOthers(hangs, accepts))
		traces, metrics, logs := origin(b)
		push(traces, "t")
		push(metrics, "m")
		if traces.Shutdown(within(t, 400*ms)) == nil {
			t.Error("the shutdown of traces delivered something")
		}
		_, err := flush(t, metrics, time.Second)
		wantNil(t, "metrics", err)
		if n := b.closed(); n != 0 {
			t.Error("closed with signals left")
		}
		wantNil(t, "shutdown", errors.Join(metrics.Shutdown(t.Context()), logs.Shutdown(t.Context())))
		time.Sleep(time.Minute)
		if n := b.closed(); n != 1 {
			t.Errorf("Close was called %d times", n)
		}
		b.check(t)
	})
}
