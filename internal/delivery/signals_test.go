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

// TestEachSignalHasASlot asserts that at most 32 requests are under way at once, and that one signal with many batches
// leaves a slot for each of the others.
func TestEachSignalHasASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts.in(100 * ms)))
		traces, metrics, logs := origin(b, batchSize(1))
		push(traces, numbers(100)...)
		first := async(func() error { return traces.Flush(within(t, time.Minute)) })
		synctest.Wait()
		push(metrics, "m")
		push(logs, "l", "l", "l")
		begin := time.Now()
		second := async(func() error { return metrics.Flush(within(t, time.Minute)) })
		third := async(func() error { return logs.Flush(within(t, time.Minute)) })
		synctest.Wait()
		if now, _ := b.underWay(); now != 32 || count(b, delivery.Metrics) != 1 || count(b, delivery.Logs) != 1 {
			t.Errorf("%d requests at once, %d of metrics, %d of logs; want 32, 1 and 1", now,
				count(b, delivery.Metrics), count(b, delivery.Logs))
		}
		wantNil(t, "metrics", <-second)
		wantTook(t, "metrics", time.Since(begin), 100*ms)
		wantNil(t, "traces and logs", errors.Join(<-first, <-third))
		if _, most := b.underWay(); most > 32 {
			t.Errorf("%d requests at once", most)
		}
	})
}

// TestRefusedLogsDelayNoSpan asserts that spans leave as fast as ever while the backend refuses many requests of logs.
func TestRefusedLogsDelayNoSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(func(r request) reply {
			if r.signal == delivery.Logs {
				return busy.in(100 * ms)
			}
			return accepts.in(5 * ms)
		})
		traces, _, logs := origin(b, batchSize(1))
		for range 20 {
			push(logs, numbers(50)...)
			push(traces, "t")
			refused := async(func() error { return logs.Flush(within(t, time.Second)) })
			synctest.Wait()
			took, err := flush(t, traces, time.Second)
			wantNil(t, "traces", err)
			wantTook(t, "traces", took, 5*ms)
			<-refused
		}
		addUp(t, logs.Stats())
	})
}

// TestOneSlotForThreeSignals asserts that a destination of one request at once serves every signal.
func TestOneSlotForThreeSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		b.limits.Requests = 1
		traces, metrics, _ := origin(b)
		push(traces, "t")
		push(metrics, "m")
		_ = async(func() error { return traces.Flush(within(t, time.Second)) })
		_ = async(func() error { return metrics.Flush(within(t, time.Second)) })
		synctest.Wait()
		if count(b, delivery.Metrics) != 1 {
			t.Error("a signal waits for the answer to another")
		}
		time.Sleep(time.Minute)
	})
}

// TestOutageIsKnownToAllSignals asserts that a signal whose first flush begins while another signal of the origin gets no
// answer sends one probe.
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
