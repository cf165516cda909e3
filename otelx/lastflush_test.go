package otelx

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func TestShutdownTriesWhileTheBackendIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		release := x.hold()
		s := start(x, sized{batch: 1})
		end(s, "a", "b", "c", "d")
		for range 4 {
			_ = s.ForceFlush(within(t, time.Second))
		}
		synctest.Wait()
		if got := s.Stats().Breaker; got != BreakerOpen {
			t.Fatalf("breaker %v", got)
		}
		release()
		x.before = func() { time.Sleep(100 * time.Millisecond) }
		begin := time.Now()
		if err := s.Shutdown(within(t, time.Second)); err != nil || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("Shutdown: %v after %v, want one round trip", err, time.Since(begin))
		}
		wantStats(t, s, Stats{Ended: 4, Exported: 4})
	})
}

// Until the end of its time there may be an answer.
func TestShutdownTriesToTheEnd(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute} { // the Retry-After of each answer
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			for range 1000 {
				x.answer(outcome{verdict: retry, err: errDown, retryAfter: after})
			}
			s := start(x, sized{})
			end(s, "a")
			begin := time.Now()
			time.AfterFunc(425*time.Millisecond, func() {
				x.mu.Lock()
				defer x.mu.Unlock()
				x.script = nil
			})
			if err := s.Shutdown(within(t, 450*time.Millisecond)); err != nil {
				t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
			}
			if n := len(x.log()); n < 6 || n > 25 {
				t.Errorf("%d requests in 450 ms", n)
			}
		})
	}
}

// A request under way at SIGTERM is not cut off and sent again with what time is left.
func TestShutdownJoinsTheFlushUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{before: func() { time.Sleep(400 * time.Millisecond) }}
		s := start(x, sized{})
		end(s, "a")
		begin := time.Now()
		flushed := make(chan error, 1)
		go func() { flushed <- s.ForceFlush(within(t, 387*time.Millisecond)) }()
		time.Sleep(380 * time.Millisecond)
		if err := s.Shutdown(within(t, 50*time.Millisecond)); err != nil || time.Since(begin) != 400*time.Millisecond {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
		}
		if err := <-flushed; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ForceFlush: %v", err)
		}
		wantCalls(t, x, "a")
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

// A probe that a shutdown joins looks for as long as the shutdown has, and the rest no longer waits for it.
func TestShutdownJoinsAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		release := x.hold()
		s := start(x, sized{batch: 1})
		end(s, "a", "b", "c")
		_ = s.ForceFlush(within(t, 400*time.Millisecond))
		synctest.Wait()
		begin := time.Now()
		flushed := make(chan error, 1)
		go func() { flushed <- s.ForceFlush(within(t, time.Second)) }() // looks for 100 ms
		synctest.Wait()
		if n := x.underWay(); n != 1 {
			t.Errorf("%d requests of a probe", n)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- s.Shutdown(within(t, 450*time.Millisecond)) }()
		synctest.Wait()
		if n := x.underWay(); n != 3 {
			t.Errorf("%d requests once a shutdown waits, want all 3", n)
		}
		time.Sleep(200 * time.Millisecond)
		release()
		if err := errors.Join(<-flushed, <-stopped); err != nil || time.Since(begin) != 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if n := len(x.log()); n != 6 {
			t.Errorf("%d requests, want each batch twice", n)
		}
	})
}

// Nor does the look of a backend known to be quick end a request of the last flush.
func TestShutdownLiftsALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		end(s, "a")
		_ = s.ForceFlush(t.Context())
		x.before = func() { time.Sleep(1500 * time.Millisecond) }
		end(s, "b")
		go func() { _ = s.ForceFlush(within(t, 2*time.Second)) }()
		time.Sleep(900 * time.Millisecond)
		if err := s.Shutdown(within(t, time.Second)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		wantCalls(t, x, "a", "b")
	})
}

// A pause that the flush had time for may be longer than the shutdown has.
func TestShutdownCutsAPauseShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: retry, retryAfter: time.Second, err: errDown}}}
		s := start(x, sized{})
		end(s, "a")
		begin := time.Now()
		go func() { _ = s.ForceFlush(within(t, 2*time.Second)) }()
		time.Sleep(100 * time.Millisecond)
		if err := s.Shutdown(within(t, 450*time.Millisecond)); err != nil || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
		}
		wantCalls(t, x, "a", "a")
	})
}

// A request that hangs takes the spans of the last flush with it unless it is made once more; one that is slow makes it.
func TestLastRequestIsMadeTwice(t *testing.T) {
	for _, tt := range []struct {
		name        string
		first, both time.Duration // what the first request takes, and those after it
		took        time.Duration
	}{
		{"hangs", time.Hour, 10 * time.Millisecond, 390 * time.Millisecond},
		{"slow", 400 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &uneven{takes: []time.Duration{tt.first, tt.both}}
			s := start(x, sized{})
			end(s, "a")
			begin := time.Now()
			ctx, cancel := context.WithCancel(within(t, 2*time.Second)) // which it will not have
			go func() { _ = s.ForceFlush(ctx) }()
			time.AfterFunc(381*time.Millisecond, cancel)
			time.Sleep(380 * time.Millisecond)
			if err := s.Shutdown(within(t, 50*time.Millisecond)); err != nil || time.Since(begin) != tt.took {
				t.Errorf("%s: Shutdown: %v after %v, want %v", tt.name, err, time.Since(begin), tt.took)
			}
			if n := x.calls.Load(); n != 2 {
				t.Errorf("%s: %d requests", tt.name, n)
			}
			wantStats(t, s, Stats{Ended: 1, Exported: 1})
		})
	}
}

// uneven is an exporter whose calls take different times.
type uneven struct {
	takes []time.Duration
	calls atomic.Int64
}

func (*uneven) width() int                  { return 2 }
func (*uneven) close(context.Context) error { return nil }

func (x *uneven) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	select {
	case <-time.After(x.takes[x.calls.Add(1)-1]):
		return outcome{n: len(spans)}
	case <-ctx.Done():
		return outcome{n: len(spans), verdict: retry, err: ctx.Err()}
	}
}
