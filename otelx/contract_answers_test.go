package otelx_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// A status that forbids another attempt drops the spans of that request, and one flush reports it.
func TestContractPermanentRefusal(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 415} {
		contract(t, func(f *fixture) {
			f.fails(otlpreceiver.Fault{Status: status, Message: "not here"})
			f.end("a", "b")
			o := f.flush(time.Second)
			drop := dropped(o.err)
			if drop == nil || drop.Dropped != (otelx.Dropped{Refused: 2}) || !strings.Contains(o.err.Error(), http.StatusText(status)) {
				f.Errorf("%d: ForceFlush: %v", status, o.err)
			}
			f.mustFlush(time.Second, 0)
			f.wantRequests(1)
			f.wantCounts(spanCounts{ended: 2, dropped: otelx.Dropped{Refused: 2}})
			f.works()
			f.end("c")
			f.mustFlush(time.Second, 0) // the backend is up, so the next request goes at once
			f.wantDelivered("c")
		})
	}
}

// OTLP names four retryable statuses. A connection that breaks and an answer that gets lost are retried too.
func TestContractRetryableFailureIsRetriedInTheSameFlush(t *testing.T) {
	for name, fault := range map[string]otlpreceiver.Fault{
		"429": {Status: 429}, "502": {Status: 502}, "503": {Status: 503}, "504": {Status: 504},
		"connection cut before the body":   {Cut: otlpreceiver.BeforeRead},
		"connection cut before the answer": {Cut: otlpreceiver.BeforeStore},
	} {
		contract(t, func(f *fixture) {
			f.backend.FailNext(fault, fault)
			f.end("a", "b")
			if o := f.flush(2 * time.Second); o.err != nil || o.took == 0 || o.took > 500*ms {
				f.Errorf("%s: ForceFlush: %v after %v, want a few short pauses", name, o.err, o.took)
			}
			f.wantRequests(3)
			f.wantDelivered("a b")
			f.wantCounts(spanCounts{ended: 2, exported: 2})
		})
	}
}

// A span whose answer was lost is sent again: it arrives at least once and is counted once.
func TestContractLostAnswerIsAtLeastOnce(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Cut: otlpreceiver.AfterStore})
		f.end("a")
		f.mustFlush(time.Second, 500*ms)
		f.wantDelivered("a a")
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	})
}

func TestContractRetryAfterWithinTheTimeOfTheFlush(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 429, RetryAfter: "1"})
		f.end("a")
		if o := f.flush(2 * time.Second); o.err != nil || o.took.Round(10*ms) != time.Second {
			f.Errorf("ForceFlush: %v after %v, want nil after the second that the backend asked for", o.err, o.took)
		}
		f.wantRequests(2)
	})
}

// A Retry-After that the flush has no time for ends it at once. Until then no flush sends anything.
func TestContractRetryAfterBeyondTheTimeOfTheFlush(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "10"})
		f.end("a")
		begin := time.Now()
		for range 9 {
			if o := f.flush(900 * ms); o.err == nil || o.took != 0 {
				f.Errorf("ForceFlush: %v after %v, want an error at once", o.err, o.took)
			}
			time.Sleep(time.Second)
		}
		f.wantRequests(1)
		time.Sleep(time.Until(begin.Add(10 * time.Second)))
		f.mustFlush(900*ms, 0)
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	})
}

// No backend can stop the export for longer than five minutes.
func TestContractRetryAfterIsBounded(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "360000"})
		f.end("a")
		_ = f.flush(time.Second)
		time.Sleep(5 * time.Minute)
		f.mustFlush(time.Second, 0)
	})
}

func TestContractPartialSuccess(t *testing.T) {
	contract(t, func(f *fixture) {
		reported := otelerr.Collect(f.T)
		f.backend.FailNext(otlpreceiver.Fault{Rejected: 2, Message: "too old"})
		f.end("a", "b", "c")
		o := f.flush(time.Second)
		if drop := dropped(o.err); drop == nil || drop.Dropped != (otelx.Dropped{Rejected: 2}) || !strings.Contains(o.err.Error(), "too old") {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.mustFlush(time.Second, 0)
		f.wantRequests(1)
		f.wantCounts(spanCounts{ended: 3, exported: 1, dropped: otelx.Dropped{Rejected: 2}})
		if got := reported(); len(got) != 1 || !strings.Contains(got[0], "too old") {
			f.Errorf("reported %q, want one report", got)
		}
	})
}

// A report counts those that were left out since the one before it, and no others.
func TestContractReportsCountWhatWasLeftOut(t *testing.T) {
	contract(t, func(f *fixture) {
		reported := otelerr.Collect(f.T)
		f.fails(otlpreceiver.Fault{Message: "soon gone"})
		for _, flushes := range []int{3, 2, 1, 1} {
			for range flushes {
				f.end("a")
				f.mustFlush(time.Second, 0)
			}
			time.Sleep(time.Minute)
		}
		got := reported()
		if len(got) != 4 {
			f.Fatalf("reported %q, want one report a minute", got)
		}
		for i, want := range []string{"", "(2 more since the last report)", "(1 more since the last report)", ""} {
			if strings.Contains(got[i], "more since") != (want != "") || !strings.Contains(got[i], want) {
				f.Errorf("report %d: %q, want %q", i+1, got[i], want)
			}
		}
	})
}

// An error handler may flush, as one does that ends the process.
func TestContractErrorHandlerMayFlush(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Message: "soon gone"})
		otelerr.Handle(f.T, func(error) {
			f.end("b")
			f.mustFlush(time.Second, 0)
		})
		f.end("a")
		f.mustFlush(time.Second, 0)
		synctest.Wait()
		f.wantDelivered("a b")
	})
}

// A backend that takes most of the flush's time delivers in each. Only the flush that finds out may fail.
func TestContractSlowBackendDelivers(t *testing.T) {
	for _, quickBefore := range []int{0, 10} {
		contract(t, func(f *fixture) {
			for range quickBefore {
				f.end("a")
				f.mustFlush(2*time.Second, 0)
			}
			f.fails(otlpreceiver.Fault{Delay: 1500 * ms})
			for i := range 50 {
				f.end("a")
				if o := f.flush(2 * time.Second); o.err != nil && (quickBefore == 0 || i > 0) {
					f.Errorf("flush %d: %v", i, o.err)
				}
				time.Sleep(time.Second)
			}
			if c := f.counts(); c.pending != 0 || c.dropped.Total() != 0 {
				f.Errorf("counts %+v", c)
			}
		})
	}
}
