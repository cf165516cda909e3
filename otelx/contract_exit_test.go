package otelx_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// notNow is an error of a signer that would fail again in the same flush.
type notNow struct{ error }

func (notNow) RetryNextFlush() bool { return true }

// signer signs requests with nothing, or fails.
type signer struct {
	mu  sync.Mutex
	err error
}

func (s *signer) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *signer) sign(context.Context, *http.Request, []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Before the exit deadline a batch leaves as soon as it is full, and none waits for the answer to another: of many spans
// that end at once, the first are on their way while the last still end.
func TestContractFullBatchesLeaveBeforeTheExitDeadline(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: 100 * ms})
		f.end("a", "b")
		f.wantRequests(0)
		f.sdk.SetExitDeadline(time.Now().Add(430 * ms))
		begin := time.Now()
		f.end("c", "d", "e", "f")
		f.wantRequests(3)
		time.Sleep(10 * ms) // none of them has an answer
		f.end("g")
		if o := f.flush(420 * ms); o.err != nil || time.Since(begin) != 110*ms {
			f.Errorf("ForceFlush: %v after %v, want one round trip after the last span", o.err, time.Since(begin))
		}
		f.wantDelivered("a b c d e f g")
	}, withQueue(1000, 2))
}

// An export whose caller has left goes on until the exit deadline, and the next flush joins it.
func TestContractExportOutlivesItsCallerUntilTheExitDeadline(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: 500 * ms})
		f.end("a")
		flush := async(func() outcome { return f.flush(400 * ms) })
		time.Sleep(300 * ms)
		begin := time.Now()
		f.sdk.SetExitDeadline(begin.Add(430 * ms))
		if o := <-flush; !errors.Is(o.err, context.DeadlineExceeded) || o.took != 400*ms {
			f.Errorf("ForceFlush: %v after %v", o.err, o.took)
		}
		if o := f.flush(330 * ms); o.err != nil || time.Since(begin) != 200*ms {
			f.Errorf("the next ForceFlush: %v after %v", o.err, time.Since(begin))
		}
		f.wantDelivered("a")
	})
}

// At the exit deadline an export ends and its spans stay.
func TestContractExportEndsAtTheExitDeadline(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		flush := async(func() outcome { return f.flush(300 * ms) })
		f.sdk.SetExitDeadline(time.Now().Add(430 * ms))
		<-flush
		time.Sleep(129 * ms)
		if _, open := f.requests(); open == 0 {
			f.Error("no request is under way before the exit deadline")
		}
		time.Sleep(2 * ms)
		if _, open := f.requests(); open != 0 {
			f.Errorf("%d requests under way after the exit deadline", open)
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		f.works()
		f.mustFlush(time.Second, 0)
		f.wantDelivered("a")
	})
}

// TestHasteIsOver: if the process lives on after the exit deadline, everything is as before: full batches wait for a
// flush, a flush ends early if the backend is down, and the breaker opens.
func TestContractAfterTheExitDeadlineEverythingIsNormal(t *testing.T) {
	for name, set := range map[string]func(*fixture){
		"passed": func(f *fixture) { f.sdk.SetExitDeadline(time.Now().Add(100 * ms)); time.Sleep(101 * ms) },
		"cleared": func(f *fixture) {
			f.sdk.SetExitDeadline(time.Now().Add(time.Hour))
			f.sdk.SetExitDeadline(time.Time{})
		},
	} {
		contract(t, func(f *fixture) {
			set(f)
			f.end("a", "b", "c")
			f.wantRequests(0)
			f.fails(otlpreceiver.Fault{Hang: true})
			for range 5 {
				_ = f.flush(time.Second)
			}
			if o := f.flush(time.Second); o.err == nil || o.took != 0 {
				f.Errorf("%s: ForceFlush: %v after %v, want the breaker's error at once", name, o.err, o.took)
			}
			f.works()
			time.Sleep(time.Minute)
			f.mustFlush(time.Second, 0)
			if got := strings.Join(f.delivered(), ""); !strings.HasPrefix(got, "abc") {
				f.Errorf("%s: delivered %q", name, got)
			}
		}, withQueue(1000, 2))
	}
}

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

// TestLastRequestIsMadeTwice: a request that hangs is made once more on another connection, at the latest after half of
// the time.
func TestContractLastExportHedgesARequestThatHangs(t *testing.T) {
	lastly(t, func(f *fixture, last func(time.Duration) outcome) {
		f.backend.FailNext(otlpreceiver.Fault{Hang: true}, otlpreceiver.Fault{Delay: 10 * ms})
		f.end("a")
		flush := async(func() outcome { return f.flush(2 * time.Second) })
		if o := last(430 * ms); o.err != nil || o.took > 230*ms {
			f.Errorf("%v after %v", o.err, o.took)
		}
		if o := <-flush; o.err != nil {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantRequests(2)
		if _, open := f.requests(); open != 0 {
			f.Errorf("%d requests under way", open)
		}
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	})
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
