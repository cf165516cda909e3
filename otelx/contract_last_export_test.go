package otelx_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// lastly runs test for each way of last.
func lastly(t *testing.T, test func(f *fixture, last func(time.Duration) outcome), opts ...otelx.Option) {
	t.Helper()
	for name, way := range last {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				test(f, func(timeout time.Duration) outcome { return way(f, timeout) })
			}, opts...)
		})
	}
}

// TestShutdownJoinsTheFlushUnderWay: a request under way is not cut off and sent again with the time that is left,
// even if the flush that began it ends before.
func TestContractLastExportJoinsTheRequestUnderWay(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.fails(otlpreceiver.Fault{Delay: 400 * ms})
		f.end("a")
		first := async(func() outcome { return f.flush(387 * ms) })
		time.Sleep(380 * ms)
		if o := last(90 * ms); o.err != nil || o.took != 20*ms {
			f.Errorf("%v after %v, want nil with the answer to the first request", o.err, o.took)
		}
		if o := <-first; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 387*ms {
			f.Errorf("ForceFlush: %v after %v", o.err, o.took)
		}
		f.wantDelivered("a")
	})
}

// TestLastRequestIsMadeTwice: a request that hangs is made once more on another connection, at the latest after half of
// the time.
func TestContractLastExportHedgesARequestThatHangs(t *testing.T) {
	for _, since := range []time.Duration{0, ms, 230 * ms, time.Second} {
		lastly(t, func(f *fixture, last func(time.Duration) outcome) {
			f.backend.FailNext(otlpreceiver.Fault{Hang: true}, otlpreceiver.Fault{Delay: 10 * ms})
			f.end("a")
			flush := async(func() outcome { return f.flush(2 * time.Second) })
			time.Sleep(since)
			if o := last(430 * ms); o.err != nil || o.took > 230*ms {
				f.Errorf("hung for %v: %v after %v", since, o.err, o.took)
			}
			if o := <-flush; o.err != nil {
				f.Errorf("hung for %v: ForceFlush: %v", since, o.err)
			}
			f.wantRequests(2)
			if _, open := f.requests(); open != 0 {
				f.Errorf("hung for %v: %d requests under way", since, open)
			}
			f.wantCounts(spanCounts{ended: 1, exported: 1})
		})
	}
}

// TestShutdownLiftsALook: the attempt timeout of a backend that is usually quick does not end a request of the last
// export.
func TestContractLastExportLiftsTheAttemptTimeout(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.end("a")
		f.mustFlush(time.Second, 0)
		f.fails(otlpreceiver.Fault{Delay: 1500 * ms})
		f.end("b")
		flush := async(func() outcome { return f.flush(2 * time.Second) })
		time.Sleep(900 * ms)
		if o := last(time.Second); o.err != nil || o.took > 600*ms {
			f.Errorf("%v after %v, want nil with the answer to the first request", o.err, o.took)
		}
		<-flush
		f.wantCounts(spanCounts{ended: 2, exported: 2})
	})
}

// TestShutdownCutsAPauseShort: the pause before a retry may be longer than the last export has. It ends at once.
func TestContractLastExportCutsAPauseShort(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "1"})
		f.end("a")
		flush := async(func() outcome { return f.flush(2 * time.Second) })
		time.Sleep(100 * ms)
		if o := last(450 * ms); o.err != nil || o.took > 10*ms {
			f.Errorf("%v after %v, want the next attempt at once", o.err, o.took)
		}
		<-flush
		f.wantRequests(2)
		f.wantDelivered("a")
	})
}

// TestShutdownJoinsAProbe: a probe gets all the time of the last export, and the other batches no longer wait for it.
func TestContractLastExportJoinsAProbe(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a", "b", "c")
		_ = f.flush(400 * ms)
		before, _ := f.requests()
		flush := async(func() outcome { return f.flush(time.Second) })
		if begun, _ := f.requests(); begun != before+1 {
			f.Errorf("%d requests of a probe", begun-before)
		}
		f.fails(otlpreceiver.Fault{Delay: 200 * ms}) // for the other batches
		time.AfterFunc(200*ms, f.backend.Unblock)    // the probe's answer, later than a probe waits
		if o := last(450 * ms); o.err != nil || o.took != 200*ms {
			f.Errorf("%v after %v, want nil after 200 ms", o.err, o.took)
		}
		<-flush
		f.wantCounts(spanCounts{ended: 3, exported: 3})
		if len(f.delivered()) != 3 {
			f.Errorf("delivered %q, want each span once", f.delivered())
		}
	}, withQueue(100, 1))
}

// TestTheLastMomentsGiveAFailedRunAnotherTry: if one request hangs and another has failed, the last export tries the
// failed one again, and delivers the spans that ended meanwhile.
func TestContractLastExportRetriesWhatAFlushGaveUp(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.backend.FailNext(otlpreceiver.Fault{Hang: true}, otlpreceiver.Fault{Status: 503, RetryAfter: "100"})
		f.end("a", "b")
		flush := async(func() outcome { return f.flush(time.Second) })
		f.end("c")
		f.backend.FailNext(otlpreceiver.Fault{}, otlpreceiver.Fault{})
		f.fails(otlpreceiver.Fault{Hang: true}) // for the second request of the batch that hangs
		o := last(400 * ms)
		if o.err == nil || o.took != 400*ms {
			f.Errorf("%v after %v although a request hangs", o.err, o.took)
		}
		f.wantCounts(spanCounts{ended: 3, exported: 2, pending: 1})
		if got := strings.Join(f.delivered(), ""); got != "ac" && got != "bc" {
			f.Errorf("delivered %q", got)
		}
		f.works()
		<-flush
	}, withQueue(100, 1))
}

// TestAttemptsForLater: an attempt that cannot succeed now, for a reason on this side, leaves the spans for the next
// flush at once. The last export tries on.
func TestContractSignerThatFailsForNow(t *testing.T) {
	signer := &signer{err: notNow{errors.New("no credentials yet")}}
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		signer.set(notNow{errors.New("no credentials yet")})
		f.end("a")
		for range 3 {
			if o := f.flush(time.Second); o.err == nil || o.took != 0 || !strings.Contains(o.err.Error(), "no credentials yet") {
				f.Errorf("ForceFlush: %v after %v, want the error at once", o.err, o.took)
			}
			time.Sleep(time.Minute)
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		time.AfterFunc(300*ms, func() { signer.set(nil) })
		if o := last(430 * ms); o.err != nil {
			f.Errorf("%v after %v", o.err, o.took)
		}
		f.wantDelivered("a")
	}, otelx.WithSigner(signer.sign))
}
