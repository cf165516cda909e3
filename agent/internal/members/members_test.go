package members

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listOf(flushers ...Flusher) (l List) {
	for _, f := range flushers {
		l = l.With(f)
	}
	return l
}

// plain is a Flusher made of functions; nil ones succeed.
type plain struct {
	flush, shutdown func(context.Context) error
}

func (f plain) ForceFlush(ctx context.Context) error { return call(f.flush, ctx) }
func (f plain) Shutdown(ctx context.Context) error   { return call(f.shutdown, ctx) }

func call(f func(context.Context) error, ctx context.Context) error { //nolint:revive // the function comes first here
	if f == nil {
		return nil
	}
	return f(ctx)
}

// recording is a Pipeline that records its calls, or panics in each of them.
type recording struct {
	plain
	panics bool
	calls  []string
	counts []counts.Signal
}

func (f *recording) record(call string) {
	if f.panics {
		panic("no")
	}
	f.calls = append(f.calls, call)
}

func (f *recording) Flush(ctx context.Context) error { f.record("flush"); return f.ForceFlush(ctx) }
func (f *recording) Pending() (n int, flushNow bool) { f.record("pending"); return 2, false }
func (f *recording) SetBackgroundExport(bool)        { f.record("background") }
func (f *recording) SetExitDeadline(time.Time)       { f.record("deadline") }

func (f *recording) EndOpenSpans(_ [][8]byte, errorType, reason string) int {
	f.record("end " + errorType + " " + reason)
	return 3
}

func (f *recording) SpillPending(context.Context) int { f.record("spill"); return 4 }
func (f *recording) Counts() []counts.Signal          { f.record("counts"); return f.counts }

func failing(after time.Duration, err error) func(context.Context) error {
	return func(context.Context) error { time.Sleep(after); return err }
}

// untilTimeout flushes until its time is over, as with a backend that hangs.
func untilTimeout(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestMembersAreCalledInOrderAndNamed(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	synctest.Test(t, func(t *testing.T) {
		f := listOf(
			Named{plain{flush: failing(time.Second, one), shutdown: failing(time.Second, one)}, "traces"},
			plain{flush: failing(time.Second, nil)},
			listOf(nil, plain{flush: failing(2*time.Second, two)}),
			plain{flush: func(context.Context) error { panic("three") }},
		)
		began := time.Now()
		err := f.ForceFlush(t.Context())
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("took %v, want the sum", took)
		}
		want := "traces: one\nmembers.plain: two\nmembers.plain: panicked: three"
		if !errors.Is(err, one) || !errors.Is(err, two) || err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		if err := f.Shutdown(t.Context()); !errors.Is(err, one) {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// flushIn calls ForceFlush with that much time, and returns how long it took.
func flushIn(t *testing.T, l List, d time.Duration) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	began := time.Now()
	err = l.ForceFlush(ctx)
	return time.Since(began), err
}

// TestSlowMemberLeavesTimeForTheOthers asserts that a backend that hangs costs the members after it neither their flush
// nor their time, and has a short time until it succeeds: after an error that comes immediately it may hang again.
func TestSlowMemberLeavesTimeForTheOthers(t *testing.T) {
	const ms = time.Millisecond
	refused := func(context.Context) error { return errors.New("connection refused") }
	synctest.Test(t, func(t *testing.T) {
		var flush func(context.Context) error
		var left time.Duration
		slow := plain{flush: func(ctx context.Context) error { return call(flush, ctx) }}
		other := plain{flush: func(ctx context.Context) error {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			return nil
		}}
		f := listOf(slow, other)
		for i, c := range []struct {
			flush func(context.Context) error
			takes time.Duration
		}{
			{untilTimeout, 1900 * ms},
			{refused, 0},
			{untilTimeout, 1900 * ms},
			{untilTimeout, 1900 * ms},
			{untilTimeout, 100 * ms},
			{refused, 0},
			{untilTimeout, 100 * ms},
			{nil, 0},
			{untilTimeout, 1900 * ms},
		} {
			flush = c.flush
			if took, _ := flushIn(t, f, 2*time.Second); took != c.takes || left != 2*time.Second-c.takes {
				t.Errorf("flush %d: took %v, and the other member had %v; want %v and the rest", i+1, took, left, c.takes)
			}
		}
		flush = untilTimeout
		alone := listOf(slow)
		for range 4 {
			if took, err := flushIn(t, alone, time.Second); took != time.Second || err.Error() != "context deadline exceeded" {
				t.Errorf("a single member: took %v: %v", took, err)
			}
		}
		if took, _ := flushIn(t, listOf(slow, slow, other), 150*ms); took != 100*ms || left != 50*ms {
			t.Errorf("of a short time, two took %v and the third had %v; want a third each", took, left)
		}
	})
}

func TestHangingMemberIsAbandonedAndNotCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hanging, healthy atomic.Int32
		release := make(chan struct{})
		f := listOf(
			plain{flush: func(context.Context) error { hanging.Add(1); <-release; return nil }},
			plain{flush: func(context.Context) error { healthy.Add(1); return nil }},
		)
		for i, want := range []time.Duration{900*time.Millisecond + budget.CallGrace, 0, 0} {
			took, err := flushIn(t, f, time.Second)
			if took != want || !errors.Is(err, bounded.ErrNotReturned) && !errors.Is(err, bounded.ErrStillRunning) {
				t.Errorf("call %d took %v, want %v; error %v", i, took, want, err)
			}
		}
		if hanging.Load() != 1 || healthy.Load() != 3 {
			t.Errorf("hanging member called %d times, healthy one %d times", hanging.Load(), healthy.Load())
		}
		if err := f.Shutdown(t.Context()); err != nil { // in any case
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		synctest.Wait()
		if err := f.ForceFlush(t.Context()); err != nil || hanging.Load() != 2 {
			t.Errorf("after its return the member is called %d times, error %v", hanging.Load(), err)
		}
	})
}

// TestPipelinesAreUsedTogether asserts that every Pipeline among the members is called, whatever another one does, and
// that numbers are summed.
func TestPipelinesAreUsedTogether(t *testing.T) {
	ctx := t.Context()
	reasons := map[string]int64{"refused": 2}
	one := &recording{counts: []counts.Signal{{Name: "traces", Ended: 1, Exported: 1, Repeated: 2, Breaker: "closed"}, {Name: "logs", Ended: 5, Pending: 5}}}
	two := &recording{counts: []counts.Signal{
		{Name: "traces", Ended: 9, Exported: 2, Pending: 3, Dropped: 2, Reasons: reasons, Spilled: 1, Superseded: 1, Repeated: 1, Breaker: "open"},
	}}
	fullOne, fullTwo := map[string]int64{"queue_full": 1, "rejected": 2}, map[string]int64{"queue_full": 4, "too_large": 8}
	one.counts = append(one.counts, counts.Signal{Name: "metrics", Ended: 3, Dropped: 3, Reasons: fullOne, Breaker: "half-open"})
	two.counts = append(two.counts, counts.Signal{Name: "metrics", Ended: 12, Dropped: 12, Reasons: fullTwo, Breaker: "closed"})
	m := listOf(plain{}, one, nil, Named{&recording{panics: true}, "bad"}, two)

	if n, flushNow := m.Pending(ctx); n != 1+2+1+2 || !flushNow {
		t.Errorf("pending %d, now %t; want those of each, 1 for each that cannot tell, and a flush", n, flushNow)
	}
	ended, endErr := m.EndOpenSpans(ctx, nil, "timeout", "why")
	spilled, spillErr := m.SpillPending(ctx)
	all, countErr := m.Counts(ctx)
	if ended != 6 || spilled != 8 {
		t.Errorf("%d spans ended, %d spilled", ended, spilled)
	}
	want := []counts.Signal{
		{Name: "traces", Ended: 10, Exported: 3, Pending: 3, Dropped: 2, Reasons: reasons, Spilled: 1, Superseded: 1, Repeated: 3, Breaker: "open"},
		{Name: "logs", Ended: 5, Pending: 5},
		{Name: "metrics", Ended: 15, Dropped: 15, Reasons: map[string]int64{"queue_full": 5, "rejected": 2, "too_large": 8}, Breaker: "half-open"},
	}
	if len(fullOne) != 2 || len(fullTwo) != 2 || fullOne["queue_full"] != 1 {
		t.Errorf("the members' own maps have changed: %v, %v", fullOne, fullTwo)
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for _, err := range []error{endErr, spillErr, countErr, m.Flush(ctx), m.SetBackgroundExport(ctx, true), m.SetExitDeadline(ctx, time.Time{})} {
		if err == nil || err.Error() != "bad: panicked: no" {
			t.Errorf("error %v", err)
		}
	}
	calls := []string{"pending", "end timeout why", "spill", "counts", "flush", "background", "deadline"}
	if diff := cmp.Diff([][]string{calls, calls}, [][]string{one.calls, two.calls}); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
