package otelx

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlushDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{batch: 2})
		end(s, "a", "b", "c")
		wantStats(t, s, Stats{Ended: 3, Pending: 3})
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		wantCalls(t, x, "a b", "c")
		wantStats(t, s, Stats{Ended: 3, Exported: 3})
	})
}

func TestFlushOfNothingCallsNobody(t *testing.T) {
	x := &fakeExporter{}
	s := start(x, sized{})
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	wantCalls(t, x)
}

func TestShutdownFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true})
		end(s, "a")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		wantCalls(t, x, "a")
		wantClosedOnce(t, x)
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

func TestShutdownRacesFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		flushed, stopped := make(chan error, 1), make(chan error, 1)
		go func() { flushed <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		go func() { stopped <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		if x.closed() != 0 {
			t.Error("the exporter was closed under a flush")
		}
		release()
		if err := errors.Join(<-flushed, <-stopped); err != nil {
			t.Error(err)
		}
		wantCalls(t, x, "a")
		wantClosedOnce(t, x)
	})
}

func TestShutdownTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{closeErr: errors.New("no")}
		s := start(x, sized{})
		end(s, "a")
		first, second := make(chan error, 1), make(chan error, 1)
		release := x.hold()
		go func() { first <- s.Shutdown(t.Context()) }()
		go func() { second <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		release()
		for _, err := range []error{<-first, <-second, s.Shutdown(t.Context())} {
			if err == nil || err.Error() != "close exporter: no" {
				t.Errorf("Shutdown: %v", err)
			}
		}
		wantCalls(t, x, "a")
		wantClosedOnce(t, x)
	})
}

func wantClosedOnce(t *testing.T, x *fakeExporter) {
	t.Helper()
	if n := x.closed(); n != 1 {
		t.Errorf("exporter closed %d times, want 1", n)
	}
}

func TestShutdownEachUnderItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		patient := make(chan error, 1)
		go func() { patient <- s.Shutdown(t.Context()) }()
		begin := time.Now()
		if err := s.Shutdown(within(t, 10*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the impatient caller got %v", err)
		}
		if took := time.Since(begin); took != 10*time.Millisecond {
			t.Errorf("it waited %v", took)
		}
		release()
		if err := <-patient; err != nil {
			t.Errorf("the patient caller got %v", err)
		}
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

func TestShutdownThatDoesNotDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{interval: true})
		defer x.hold()()
		end(s, "a", "b")
		if err := s.Shutdown(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		wantClosedOnce(t, x)
		end(s, "late")
		for range 2 {
			err := s.Shutdown(t.Context())
			if err == nil || !strings.Contains(err.Error(), "2 kept") {
				t.Errorf("a later Shutdown: %v", err)
			}
		}
		time.Sleep(time.Hour) // no timer sends what is left
		wantCalls(t, x, "a b")
		wantStats(t, s, Stats{Ended: 3, Pending: 2, Dropped: Dropped{AfterShutdown: 1}})
	})
}

func TestFlushErrorSurfacesAndTheBatchIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: keep, err: errDown}}}
		s := start(x, sized{batch: 2})
		end(s, "a", "b", "c")
		if err := s.ForceFlush(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("ForceFlush: %v", err)
		}
		wantStats(t, s, Stats{Ended: 3, Pending: 3})
		end(s, "d")
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("second ForceFlush: %v", err)
		}
		wantCalls(t, x, "a b", "a b", "c d")
	})
}

func TestFlushAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("with nothing left: %v", err)
		}
		end(s, "late")
		var drop *DropError
		if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) || drop.Dropped != (Dropped{AfterShutdown: 1}) {
			t.Errorf("with a late span: %v", err)
		}
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("a drop was reported twice: %v", err)
		}
		wantCalls(t, x)
	})
}

func TestFlushUnderDoneContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		end(s, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.ForceFlush(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("ForceFlush: %v", err)
		}
		synctest.Wait()
		wantCalls(t, x)
		wantStats(t, s, Stats{Ended: 1, Pending: 1})
	})
}

func TestShutdownUnderDoneContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		end(s, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		wantClosedOnce(t, x)
	})
}

// The export of callers that have gone must not be on the wire when the environment freezes.
func TestExportEndsWithItsLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		short, long := make(chan error, 1), make(chan error, 1)
		go func() { short <- s.ForceFlush(within(t, time.Second)) }()
		go func() { long <- s.ForceFlush(within(t, 2*time.Second)) }()
		if err := <-short; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first caller: %v", err)
		}
		synctest.Wait()
		if x.underWay() != 1 {
			t.Errorf("%d exports under way with a caller waiting, want 1", x.underWay())
		}
		if err := <-long; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second caller: %v", err)
		}
		synctest.Wait()
		if x.underWay() != 0 {
			t.Errorf("%d exports under way with nobody waiting, want 0", x.underWay())
		}
		wantCalls(t, x, "a") // shared
		wantStats(t, s, Stats{Ended: 1, Pending: 1})
		release()
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("the next flush: %v", err)
		}
	})
}

// A joined export may have begun before a span ended that the caller must see delivered.
func TestJoinedExportIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		end(s, "b")
		go func() { second <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		release()
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
		wantCalls(t, x, "a", "b")
	})
}

// An exporter that does not respect its context blocks nobody for longer than his own context, and those that come after
// him hardly at all. It is never called twice at once.
func TestDeafExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{deaf: true}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		for _, want := range []struct {
			err  error
			took time.Duration
		}{{context.DeadlineExceeded, time.Second}, {errDeaf, graceToReturn}, {errDeaf, 0}, {errDeaf, 0}} {
			begin := time.Now()
			if err := s.ForceFlush(within(t, time.Second)); !errors.Is(err, want.err) {
				t.Errorf("ForceFlush: %v", err)
			}
			if took := time.Since(begin); took != want.took {
				t.Errorf("took %v, want %v", took, want.took)
			}
		}
		wantCalls(t, x, "a")
		release()
		synctest.Wait()
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("after it has come back: %v", err)
		}
		wantCalls(t, x, "a", "a")
		if x.most() != 1 {
			t.Errorf("%d calls at once", x.most())
		}
	})
}

// Shutdown must wait with closing for an export that nobody waits for any more.
func TestDeafExporterIsClosedAfterItsExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{deaf: true}
		s := start(x, sized{})
		release := x.hold()
		end(s, "a")
		if err := s.Shutdown(within(t, time.Second)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		if x.closed() != 0 {
			t.Error("the exporter was closed under its export")
		}
		release()
		synctest.Wait()
		wantClosedOnce(t, x)
	})
}

// A flush is for what ended before it; a busy service must not keep it for ever.
func TestFlushEndsWhileSpansKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{batch: 1})
		x.before = func() {
			if len(x.log()) < 50 {
				end(s, "new")
			}
		}
		end(s, "a", "b")
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		wantCalls(t, x, "a", "b")
	})
}

func TestLargeFlushUsesSeveralRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 8}
		s := start(x, sized{bound: 100, batch: 1})
		s.processor.queue.half = 101
		release := x.hold()
		want := make([]string, 20)
		for i := range want {
			want[i] = string(rune('a' + i))
		}
		end(s, want...)
		done := make(chan error, 1)
		go func() { done <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		if x.underWay() != 8 {
			t.Errorf("%d requests at once, want 8", x.underWay())
		}
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		got := x.got()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("delivered %q", got)
		}
	})
}

func TestBatchesThatFailTogetherKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		s := start(x, sized{bound: 100, batch: 2})
		release := x.hold()
		end(s, "a", "b", "c", "d", "e", "f", "g")
		if err := s.ForceFlush(within(t, time.Second)); err == nil {
			t.Error("a held flush succeeded")
		}
		synctest.Wait()
		release()
		x.wide = 1
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(x.got(), ""); got != "abcdefg" {
			t.Errorf("delivered in the order %s", got)
		}
	})
}
