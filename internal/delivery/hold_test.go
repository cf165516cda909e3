package delivery_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestHoldIsForOneSignal asserts that 429, 502, 503 and 504 and Retry-After hold only the signal that they answer.
func TestHoldIsForOneSignal(t *testing.T) {
	for _, how := range []reply{busy, retryAfter(10 * time.Second)} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(tracesAndOthers(how, accepts))
			traces, metrics, _ := origin(b)
			push(traces, "t")
			for range 3 {
				_, _ = flush(t, traces, time.Second)
			}
			synctest.Wait()
			if traces.Stats().Breaker == breaker.Closed || metrics.Stats().Breaker != breaker.Closed {
				t.Errorf("traces %v, metrics %v", traces.Stats().Breaker, metrics.Stats().Breaker)
			}
			push(metrics, "m")
			took, err := flush(t, metrics, time.Second)
			wantNil(t, "metrics", err)
			wantTook(t, "metrics", took, 0)
			before := count(b, delivery.Traces)
			took, err = flush(t, traces, time.Second)
			wantTook(t, "traces", took, 0)
			if err == nil || count(b, delivery.Traces) != before {
				t.Errorf("traces: %v, %d requests more", err, count(b, delivery.Traces)-before)
			}
		})
	}
}

// TestUnansweredSignalAloneIsHeld asserts that a signal without answers is held alone if another one is answered,
// whichever of them begins first, and even if the other had nothing to send when the outage began.
func TestUnansweredSignalAloneIsHeld(t *testing.T) {
	for _, how := range []reply{hangs, cuts} {
		for _, late := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(tracesAndOthers(how, accepts.in(5*ms)))
				traces, metrics, _ := origin(b)
				push(traces, "t")
				if late {
					_, _ = flush(t, traces, time.Second)
				}
				for range 3 {
					push(metrics, "m")
					first := async(func() error { return traces.Flush(within(t, time.Second)) })
					synctest.Wait()
					second := async(func() error { return metrics.Flush(within(t, time.Second)) })
					wantNil(t, "metrics", <-second)
					if <-first == nil {
						t.Error("traces: no error")
					}
				}
				synctest.Wait()
				if traces.Stats().Breaker == breaker.Closed || metrics.Stats().Breaker != breaker.Closed {
					t.Errorf("traces %v, metrics %v", traces.Stats().Breaker, metrics.Stats().Breaker)
				}
				b.become(always(accepts))
				time.Sleep(time.Minute)
				_, err := flush(t, traces, time.Second)
				wantNil(t, "traces after the outage", err)
			})
		}
	}
}

// TestConcurrentFailuresAreOne asserts that flushes of several signals that fail together do not delay the next probe.
func TestConcurrentFailuresAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		traces, metrics, logs := origin(b)
		all := []*delivery.Queue[string]{traces, metrics, logs}
		flushAll := func(d time.Duration) error {
			var running []<-chan error
			for _, q := range all {
				running = append(running, async(func() error { return q.Flush(within(t, d)) }))
			}
			var errs []error
			for _, r := range running {
				errs = append(errs, <-r)
			}
			return errors.Join(errs...)
		}
		for _, q := range all {
			push(q, "a")
		}
		_ = flushAll(time.Second)
		synctest.Wait()
		b.become(always(accepts.in(20 * ms)))
		begin := time.Now()
		wantNil(t, "the next flush", flushAll(time.Second))
		wantTook(t, "it", time.Since(begin), 20*ms)
	})
}
