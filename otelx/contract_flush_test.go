package otelx_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func TestContractFlushDeliversEverythingThatEndedBefore(t *testing.T) {
	contract(t, func(f *fixture) {
		var ends sync.WaitGroup
		for range 8 {
			ends.Go(func() {
				for range 50 {
					span(f.sdk, "a")
				}
			})
		}
		ends.Wait()
		f.mustFlush(time.Second, 0)
		if got := len(f.delivered()); got != 400 {
			f.Errorf("%d spans delivered, want 400", got)
		}
		f.wantCounts(spanCounts{ended: 400, exported: 400})
	})
}

func TestContractFlushOfNothingSendsNothing(t *testing.T) {
	contract(t, func(f *fixture) {
		for range 3 {
			f.mustFlush(time.Second, 0)
		}
		f.wantRequests(0)
		f.end("a")
		f.mustFlush(time.Second, 0)
		f.mustFlush(time.Second, 0)
		f.wantRequests(1)
	})
}

// Each caller leaves at its own deadline, and the export has the time of the one that waits longest.
func TestContractEachFlushLeavesAtItsOwnDeadline(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: time.Second})
		f.end("a")
		first := async(func() outcome { return f.flush(100 * ms) })
		second := async(func() outcome { return f.flush(200 * ms) })
		third := async(func() outcome { return f.flush(5 * time.Second) })
		if o := <-first; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 100*ms {
			f.Errorf("the caller with 100 ms: %v after %v", o.err, o.took)
		}
		if o := <-second; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 200*ms {
			f.Errorf("the caller with 200 ms: %v after %v", o.err, o.took)
		}
		if o := <-third; o.err != nil || o.took != time.Second {
			f.Errorf("the caller with 5 s: %v after %v", o.err, o.took)
		}
		f.wantRequests(1)
		f.wantDelivered("a")
	})
}

// When the last caller has returned, nothing is on the wire: the process may be frozen next.
func TestContractNothingIsOnTheWireAfterTheLastCaller(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		o := f.flush(300 * ms)
		if !errors.Is(o.err, context.DeadlineExceeded) || o.took != 300*ms {
			f.Errorf("ForceFlush: %v after %v", o.err, o.took)
		}
		if begun, open := f.requests(); begun == 0 || open != 0 {
			f.Errorf("%d of %d requests are still under way", open, begun)
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		f.works()
		f.mustFlush(time.Second, 0)
		f.wantDelivered("a")
	})
}

// An undelivered batch stays in the queue and goes first in the next flush.
func TestContractUndeliveredSpansGoFirst(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a", "b")
		if o := f.flush(200 * ms); o.err == nil || !strings.Contains(o.err.Error(), "503") {
			f.Errorf("ForceFlush: %v, want the backend's status", o.err)
		}
		f.wantCounts(spanCounts{ended: 2, pending: 2})
		f.works()
		failed, _ := f.requests()
		f.end("c", "d", "e")
		f.mustFlush(time.Second, 0)
		if first := f.request(failed + 1); !slices.Equal(first, []string{"a", "b"}) {
			f.Errorf("the first request brought %q, want the oldest batch", first)
		}
		f.wantDelivered("a b c d e")
	}, withQueue(100, 2))
}

func TestContractFlushUnderADoneContext(t *testing.T) {
	contract(t, func(f *fixture) {
		f.end("a")
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		begin := time.Now()
		if err := f.sdk.ForceFlush(ctx); !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
			f.Errorf("ForceFlush: %v after %v", err, time.Since(begin))
		}
		f.wantRequests(0)
		f.wantCounts(spanCounts{ended: 1, pending: 1})
	})
}

// A context without a deadline has OTEL_BSP_EXPORT_TIMEOUT.
func TestContractFlushWithoutADeadlineEnds(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		if o := f.flush(0); o.err == nil || o.took > 3*time.Second {
			f.Errorf("ForceFlush: %v after %v, want an error within 3 s", o.err, o.took)
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
	}, environ("OTEL_BSP_EXPORT_TIMEOUT=3000"))
}

func TestContractDisabledSDKDoesNothing(t *testing.T) {
	contract(t, func(f *fixture) {
		f.end("a")
		for _, o := range []outcome{f.flush(time.Second), f.shutdown(time.Second), f.flush(time.Second)} {
			if o.err != nil || o.took != 0 {
				f.Errorf("%v after %v", o.err, o.took)
			}
		}
		f.sdk.SetExitDeadline(time.Now().Add(time.Second))
		if n := f.sdk.EndOpenSpans(nil, "timeout", "x") + f.sdk.SpillPending(f.Context()); n != 0 {
			f.Errorf("%d spans ended or spilled", n)
		}
		if n, flushNow := f.sdk.Pending(); n != 0 || flushNow {
			f.Errorf("pending: %d, %t", n, flushNow)
		}
		synctest.Wait()
		f.wantRequests(0)
	}, environ("OTEL_SDK_DISABLED=true"))
}
