package otelx_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// Shutdown and ForceFlush may be called again, at the same time and in any order.
func TestContractShutdownIsIdempotent(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: 10 * ms})
		f.end("a")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if o := f.shutdown(time.Second); o.err != nil {
					f.Errorf("Shutdown: %v", o.err)
				}
			})
			all.Go(func() {
				if o := f.flush(time.Second); o.err != nil {
					f.Errorf("ForceFlush: %v", o.err)
				}
			})
		}
		all.Wait()
		for range 2 {
			if o := f.shutdown(time.Second); o.err != nil || o.took != 0 {
				f.Errorf("Shutdown: %v after %v", o.err, o.took)
			}
			f.mustFlush(time.Second, 0)
		}
		f.wantDelivered("a")
		f.wantRequests(1)
	})
}

// A span that ends after Shutdown is dropped and counted. ForceFlush does nothing then, and reports nothing.
func TestContractFlushAfterShutdownReturnsNil(t *testing.T) {
	contract(t, func(f *fixture) {
		reported := otelerr.Collect(f.T)
		f.end("a")
		_ = f.shutdown(time.Second)
		f.end("b", "c")
		f.mustFlush(time.Second, 0)
		f.mustFlush(0, 0)
		f.wantDelivered("a")
		f.wantCounts(spanCounts{ended: 3, exported: 1, dropped: otelx.Dropped{AfterShutdown: 2}})
		if got := reported(); len(got) > 0 {
			f.Errorf("reported %q", got)
		}
	})
}

// A Shutdown that cannot deliver says so, and so does each later one. No request follows it.
func TestContractShutdownThatDoesNotDeliver(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		if o := f.shutdown(200 * ms); !errors.Is(o.err, context.DeadlineExceeded) || o.took != 200*ms {
			f.Errorf("Shutdown: %v after %v", o.err, o.took)
		}
		begun, open := f.requests()
		if open != 0 {
			f.Errorf("%d requests under way after Shutdown", open)
		}
		f.works()
		if o := f.shutdown(time.Second); o.err == nil || o.took != 0 {
			f.Errorf("a later Shutdown: %v after %v, want an error at once", o.err, o.took)
		}
		f.mustFlush(time.Second, 0)
		f.wantRequests(begun)
		f.wantCounts(spanCounts{ended: 1, pending: 1})
	})
}

// Each caller of Shutdown waits under its own context.
func TestContractEachShutdownLeavesAtItsOwnDeadline(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: 300 * ms})
		f.end("a")
		short := async(func() outcome { return f.shutdown(100 * ms) })
		long := async(func() outcome { return f.shutdown(time.Second) })
		if o := <-short; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 100*ms {
			f.Errorf("the caller with 100 ms: %v after %v", o.err, o.took)
		}
		f.mustFlush(time.Second, 200*ms) // a Shutdown is still under way
		f.wantDelivered("a")
		if o := <-long; o.err != nil {
			f.Errorf("the caller with a second: %v after %v", o.err, o.took)
		}
		f.wantDelivered("a")
	})
}

// TestShutdownTriesToTheEnd: until the end of its time there may be an answer, whatever the backend has asked for.
func TestContractShutdownRetriesUntilItsDeadline(t *testing.T) {
	for name, fault := range map[string]otlpreceiver.Fault{
		"503": {Status: 503}, "503 with Retry-After": {Status: 503, RetryAfter: "60"}, "cut": {Cut: otlpreceiver.BeforeRead},
	} {
		contract(t, func(f *fixture) {
			f.fails(fault)
			f.end("a")
			time.AfterFunc(425*ms, f.works)
			if o := f.shutdown(450 * ms); o.err != nil {
				f.Errorf("%s: Shutdown: %v after %v", name, o.err, o.took)
			}
			if n, _ := f.requests(); n < 5 || n > 60 {
				f.Errorf("%s: %d requests in 450 ms", name, n)
			}
			f.wantDelivered("a")
		})
	}
}

// A nil context is one that does not end.
func TestContractNilContext(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.end("a")
		if err := f.sdk.ForceFlush(nil); err != nil { //nolint:staticcheck // on purpose
			f.Errorf("ForceFlush: %v", err)
		}
		f.end("b")
		if n := f.sdk.SpillPending(nil); n != 1 { //nolint:staticcheck // on purpose
			f.Errorf("%d spans spilled, want 1", n)
		}
		if err := f.sdk.Shutdown(nil); err == nil || !strings.Contains(err.Error(), "1 of 1 spans written") { //nolint:staticcheck // on purpose
			f.Errorf("Shutdown: %v", err)
		}
		f.wantDelivered("a")
	}, otelx.WithSpill(p))
}

// last are the two ways in which the last export of a process begins, each with so much time. They end with the time of
// the call.
var last = map[string]func(f *fixture, timeout time.Duration) outcome{
	"Shutdown": func(f *fixture, timeout time.Duration) outcome { return f.shutdown(timeout) },
	"exit deadline": func(f *fixture, timeout time.Duration) outcome {
		f.sdk.SetExitDeadline(time.Now().Add(timeout))
		return f.flush(timeout)
	},
}
