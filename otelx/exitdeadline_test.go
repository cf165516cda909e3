package otelx

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A request that has hung since before is made once more at once, one that begins then after half of its time.
func TestHastenedFlushIsMadeTwice(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct{ since, took time.Duration }{
		{time.Second, 10 * ms}, {230 * ms, 110 * ms}, {ms, 224500 * time.Microsecond}, {0, 225 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &uneven{takes: []time.Duration{time.Hour, 10 * ms, 10 * ms}}
			s := start(x, sized{})
			end(s, "a")
			flushed := make(chan error, 1)
			go func() { flushed <- s.ForceFlush(within(t, 2*time.Second)) }()
			time.Sleep(tt.since)
			begin := time.Now()
			s.SetExitDeadline(begin.Add(430 * ms))
			end(s, "b") // as a span that was open
			if err := <-flushed; err != nil || time.Since(begin) != tt.took {
				t.Errorf("hung for %v: ForceFlush: %v after %v, want %v", tt.since, err, time.Since(begin), tt.took)
			}
			if err := s.ForceFlush(within(t, 100*ms)); err != nil {
				t.Error(err)
			}
			wantStats(t, s, Stats{Ended: 2, Exported: 2})
			_ = s.Shutdown(within(t, 10*ms))
		})
	}
}

// An export whose caller is gone goes on, and the next caller has what comes of it: a slow request is not made again.
func TestHastenedExportOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{before: func() { time.Sleep(600 * time.Millisecond) }}
		s := start(x, sized{})
		end(s, "a")
		ctx, cancel := context.WithCancel(t.Context())
		flushed := make(chan error, 1)
		go func() { flushed <- s.ForceFlush(ctx) }()
		time.Sleep(300 * time.Millisecond)
		begin := time.Now()
		s.SetExitDeadline(begin.Add(430 * time.Millisecond))
		time.Sleep(200 * time.Millisecond)
		cancel()
		if err := <-flushed; !errors.Is(err, context.Canceled) {
			t.Errorf("ForceFlush: %v", err)
		}
		if err := s.ForceFlush(within(t, 230*time.Millisecond)); err != nil || time.Since(begin) != 300*time.Millisecond {
			t.Errorf("the next: %v after %v", err, time.Since(begin))
		}
		wantCalls(t, x, "a")
		if err := s.Shutdown(within(t, 10*time.Millisecond)); err != nil {
			t.Error(err)
		}
	})
}

// It ends when its time is up, and what it had is kept.
func TestHastenedExportEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		release := x.hold()
		defer release()
		s := start(x, sized{})
		end(s, "a")
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.ForceFlush(ctx) }()
		synctest.Wait()
		s.SetExitDeadline(time.Now().Add(430 * time.Millisecond))
		cancel()
		time.Sleep(429 * time.Millisecond)
		if n := x.underWay(); n != 1 {
			t.Errorf("%d requests before the end", n)
		}
		time.Sleep(2 * time.Millisecond)
		if n := x.underWay(); n != 0 {
			t.Errorf("%d requests after the end", n)
		}
		wantStats(t, s, Stats{Ended: 1, Pending: 1})
	})
}

// What is flushed afterwards begins at full width, though the backend is taken for being down.
func TestHastenedFlushIsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		release := x.hold()
		s := start(x, sized{batch: 1})
		end(s, "a", "b", "c", "d")
		for range 3 {
			_ = s.ForceFlush(within(t, time.Second))
		}
		synctest.Wait()
		release()
		x.before = func() { time.Sleep(100 * time.Millisecond) }
		begin := time.Now()
		s.SetExitDeadline(begin.Add(430 * time.Millisecond))
		if err := s.ForceFlush(within(t, 430*time.Millisecond)); err != nil || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("ForceFlush: %v after %v, want one round trip", err, time.Since(begin))
		}
		new(SDK).SetExitDeadline(begin) // nothing is exported
	})
}

// Of many spans that end at once the first leave while the last still end, and none waits for the answer to others: to end
// all of 10,000 first, and to send the rest after the first answer, had most of them killed with a small function's process.
func TestHastenedBatchesLeaveWhenTheyAreFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4, before: func() { time.Sleep(100 * time.Millisecond) }}
		s := start(x, sized{batch: 2})
		end(s, "a", "b")
		synctest.Wait()
		wantCalls(t, x)
		s.SetExitDeadline(time.Now().Add(430 * time.Millisecond))
		begin := time.Now()
		end(s, "c", "d", "e", "f")
		synctest.Wait()
		time.Sleep(10 * time.Millisecond) // none of them is answered
		end(s, "g")
		if err := s.ForceFlush(within(t, 420*time.Millisecond)); err != nil || time.Since(begin) != 110*time.Millisecond {
			t.Errorf("ForceFlush: %v after %v, want the last's round trip", err, time.Since(begin))
		}
		wantCallsInAnyOrder(t, x, "a b", "c d", "e f", "g")
		wantStats(t, s, Stats{Ended: 7, Exported: 7})
	})
}

// A batch that is full already leaves at once, beside what is under way. It waited for the next one that was full, or for the
// last flush, which comes after the hooks.
func TestABatchThatIsFullDoesNotWaitForTheLastFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		s := start(x, sized{batch: 2})
		end(s, "a", "b", "c")
		s.SetExitDeadline(time.Now().Add(100 * time.Millisecond))
		synctest.Wait()
		wantCallsInAnyOrder(t, x, "a b", "c")
		time.Sleep(time.Second)
		release := x.hold()
		end(s, "d")
		go func() { _ = s.ForceFlush(t.Context()) }()
		synctest.Wait()
		end(s, "e", "f")
		synctest.Wait()
		wantCallsInAnyOrder(t, x, "a b", "c", "d")
		s.SetExitDeadline(time.Now().Add(100 * time.Millisecond))
		synctest.Wait()
		wantCallsInAnyOrder(t, x, "a b", "c", "d", "e f")
		release()
		_ = s.Shutdown(within(t, time.Second))
	})
}

// wantCallsInAnyOrder is wantCalls for calls that begin at once.
func wantCallsInAnyOrder(t *testing.T, x *fakeExporter, want ...string) {
	t.Helper()
	got := x.log()
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("export calls = %q, want %q", got, want)
	}
}

// Where the process lives on, batches wait for a flush again.
func TestHasteIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{batch: 2})
		s.SetExitDeadline(time.Now().Add(100 * time.Millisecond))
		time.Sleep(50 * time.Millisecond)
		s.SetExitDeadline(time.Now().Add(100 * time.Millisecond))
		time.Sleep(75 * time.Millisecond)
		end(s, "a", "b")
		synctest.Wait()
		wantCalls(t, x, "a b")
		time.Sleep(50 * time.Millisecond)
		end(s, "c", "d", "e")
		synctest.Wait()
		wantCalls(t, x, "a b")
		wantStats(t, s, Stats{Ended: 5, Exported: 2, Pending: 3})
	})
}

// A run that one request has failed does not hold up the last moments for another that hangs: what ends then, and what has
// failed, is tried.
func TestTheLastMomentsGiveAFailedRunAnotherTry(t *testing.T) {
	const ms = time.Millisecond
	test := func(t *testing.T, last func(*SDK) error) {
		x := &hanging{fakeExporter: &fakeExporter{wide: 4}}
		x.answer(outcome{verdict: retry, later: true, err: errDown})
		s := start(x, sized{batch: 1})
		end(s, "hangs", "fails")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = s.ForceFlush(ctx) }()
		synctest.Wait()
		end(s, "last")
		if err := last(s); err == nil {
			t.Error("no error though a request hangs")
		}
		wantStats(t, s, Stats{Ended: 3, Exported: 2, Pending: 1})
	}
	synctest.Test(t, func(t *testing.T) {
		test(t, func(s *SDK) error {
			s.SetExitDeadline(time.Now().Add(430 * ms))
			defer time.Sleep(430 * ms)
			return s.ForceFlush(within(t, 400*ms))
		})
	})
	synctest.Test(t, func(t *testing.T) {
		test(t, func(s *SDK) error { return s.Shutdown(within(t, 400*ms)) })
	})
}

// hanging is an exporter that does not answer one request.
type hanging struct{ *fakeExporter }

func (x *hanging) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	if spans[0].Name() == "hangs" {
		<-ctx.Done()
		return outcome{n: len(spans), verdict: retry, err: ctx.Err()}
	}
	return x.fakeExporter.export(ctx, spans)
}

// The zero deadline clears the deadline: full batches wait, and the circuit breaker counts again.
func TestExitDeadlineIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		x.answer(slices.Repeat([]outcome{{verdict: retry, later: true, err: errDown}}, 2)...)
		s := start(x, sized{batch: 2})
		end(s, "a")
		for range 2 {
			_ = s.ForceFlush(within(t, time.Second))
		}
		s.SetExitDeadline(time.Now().Add(time.Hour))
		s.SetExitDeadline(time.Time{})
		end(s, "b", "c")
		synctest.Wait()
		if err := s.ForceFlush(within(t, time.Second)); !errors.Is(err, errDown) {
			t.Errorf("ForceFlush: %v, want the breaker's error", err)
		}
		wantCalls(t, x, "a", "a")
		if err := s.Shutdown(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		wantStats(t, s, Stats{Ended: 3, Exported: 3})
	})
}
