package otelx

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
)

func TestIntervalFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true, delay: time.Second})
		time.Sleep(10 * time.Second) // no timer runs before the first span
		begin := time.Now()
		end(s, "a")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		wantCalls(t, x)
		end(s, "b")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantCalls(t, x, "a b")
		if at := x.at[0].Sub(begin); at != time.Second {
			t.Errorf("exported after %v, want 1s after the first span", at)
		}
		time.Sleep(500 * time.Millisecond)
		end(s, "c") // the delay counts from here
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		wantCalls(t, x, "a b")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantCalls(t, x, "a b", "c")
	})
}

// The edge at which the buffer became half full came while a flush was under way, which did not look for it at its end:
// where a batch is as large as the buffer, the next edge is at its end, and spans were dropped before the interval.
func TestHalfFullDuringAFlushIsExportedBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 100, batch: 100, interval: true, delay: time.Hour})
		end(s, "flushed")
		release := x.hold()
		var flush sync.WaitGroup
		flush.Go(func() {
			if err := s.ForceFlush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 60 {
			end(s, "a")
		}
		release()
		flush.Wait()
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 61, Exported: 61})
		if len(x.calls) != 2 {
			t.Errorf("%d exports, want the flush and one behind it", len(x.calls))
		}
	})
}

// After a flush the delay counts from the next span, not from one that has left already.
func TestIntervalStartsAnewAfterAFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true, delay: time.Second})
		end(s, "a")
		time.Sleep(900 * time.Millisecond)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		end(s, "b")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		wantCalls(t, x, "a")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantCalls(t, x, "a", "b")
	})
}

func TestIntervalOffRunsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true, delay: time.Second})
		end(s, "a")
		s.SetBackgroundExport(false)
		end(s, "b")
		time.Sleep(time.Hour)
		wantCalls(t, x)
		s.SetBackgroundExport(true)
		time.Sleep(time.Second)
		synctest.Wait()
		wantCalls(t, x, "a b")
	})
}

func TestIntervalGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := otelerr.Collect(t)
		x := &fakeExporter{before: func() { time.Sleep(2 * trifle) }}
		for range 100 {
			x.answer(outcome{verdict: keep, err: errDown})
		}
		s := start(x, sized{interval: true, delay: time.Second})
		end(s, "a")
		time.Sleep(100*time.Second + time.Millisecond)
		synctest.Wait()
		// After 1, 2, 3, 4 and 5.6 s, as the delay is longer than the breaker's first pauses; then after 12, 37.6 and 97.6 s.
		if got := len(x.log()); got != 8 {
			t.Errorf("%d attempts in 100 s, want 8", got)
		}
		x.mu.Lock()
		x.script = nil
		x.mu.Unlock()
		time.Sleep(maxPause)
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
		if got := errs(); len(got) != 2 || !strings.Contains(got[0], "503") || !strings.Contains(got[1], "6 more") {
			t.Errorf("an outage of 100 s was reported as %q, want one report a minute", got)
		}
	})
}

func TestHalfFullExportsInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 4})
		end(s, "a")
		synctest.Wait()
		wantCalls(t, x)
		end(s, "b")
		synctest.Wait()
		wantCalls(t, x, "a b")
		wantStats(t, s, Stats{Ended: 2, Exported: 2})
	})
}

func TestBackgroundGoesOnWhileTheQueueFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 4})
		release := x.hold()
		end(s, "a", "b")
		synctest.Wait()
		end(s, "c", "d")
		release()
		synctest.Wait()
		wantCalls(t, x, "a b", "c d")
	})
}

// A background export must not outlive the flush at the end of the invocation.
func TestFlushTakesOverTheBackgroundExport(t *testing.T) {
	for _, interval := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			s := start(x, sized{bound: 4, interval: interval})
			release := x.hold()
			end(s, "a", "b")
			if err := s.ForceFlush(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ForceFlush: %v", err)
			}
			synctest.Wait()
			if goesOn := x.underWay() == 1; goesOn != interval {
				t.Errorf("interval flush %v: export goes on: %v", interval, goesOn)
			}
			release()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// In a service nobody calls ForceFlush, so the log must tell about drops.
func TestDropsOfAServiceAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := otelerr.Collect(t)
		s := start(&fakeExporter{}, sized{bound: 4, interval: true, delay: time.Second})
		s.processor.queue.half = 100
		end(s, "a", "b", "c", "d", "e", "f")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := errs(); len(got) != 1 || got[0] != "2 spans dropped: the buffer was full" {
			t.Errorf("reported %q", got)
		}
	})
}

// What a failed flush has left, or what came during a flush, may already be more than half: the queue must not have to
// cross that line again.
func TestMoreThanHalfFullIsExportedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		x.answer(outcome{verdict: keep, err: errDown})
		s := start(x, sized{bound: 8, batch: 2})
		end(s, "a", "b", "c", "d") // half: an export in the background, which fails
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 4, Pending: 4})
		end(s, "e")
		synctest.Wait()
		wantCalls(t, x, "a b") // not with each span
		end(s, "f")
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 6, Exported: 6})
	})
}

// An error handler may flush, as one does that ends the process.
func TestErrorHandlerMayFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		x.answer(outcome{err: errors.New("soon gone")})
		s := start(x, sized{})
		otelerr.Handle(t, func(error) {
			end(s, "b")
			if err := s.ForceFlush(context.Background()); err != nil {
				t.Errorf("ForceFlush of the handler: %v", err)
			}
		})
		end(s, "a")
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		wantCalls(t, x, "a", "b")
	})
}
