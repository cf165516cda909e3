package agent

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// member is a Flusher made of functions; nil ones do nothing, well.
type member struct {
	flush, shutdown func(context.Context) error
}

func (m member) ForceFlush(ctx context.Context) error { return call(m.flush, ctx) }
func (m member) Shutdown(ctx context.Context) error   { return call(m.shutdown, ctx) }

func call(f func(context.Context) error, ctx context.Context) error { //nolint:revive // the function comes first here
	if f == nil {
		return nil
	}
	return f(ctx)
}

// full is a member with everything that is optional.
type full struct {
	member
	endOpen  func(root [8]byte, reason string) int
	interval func(on bool)
	value    slog.Value
}

func (f *full) EndOpen(root [8]byte, reason string) int { return f.endOpen(root, reason) }
func (f *full) SetIntervalFlush(on bool)                { f.interval(on) }
func (f *full) LogValue() slog.Value                    { return f.value }

func TestJoinOfNothingFlushesWell(t *testing.T) {
	for name, f := range map[string]Flusher{"none": Join(), "nil ones": Join(nil, nil), "joins of none": Join(Join(), nil, Join())} {
		t.Run(name, func(t *testing.T) {
			if err := errors.Join(f.ForceFlush(t.Context()), f.Shutdown(t.Context())); err != nil {
				t.Error(err)
			}
			if n := f.(OpenEnder).EndOpen([8]byte{}, "why"); n != 0 {
				t.Errorf("%d spans ended", n)
			}
			f.(IntervalSetter).SetIntervalFlush(true)
		})
	}
}

func TestJoinCallsAllAtOnceAndJoinsErrors(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	synctest.Test(t, func(t *testing.T) {
		failing := func(after time.Duration, err error) func(context.Context) error {
			return func(context.Context) error { time.Sleep(after); return err }
		}
		f := Join(
			member{flush: failing(time.Second, one), shutdown: failing(time.Second, one)},
			member{flush: failing(time.Second, nil)},
			Join(nil, member{flush: failing(2*time.Second, two)}),
			member{flush: func(context.Context) error { panic("three") }},
		)
		began := time.Now()
		err := f.ForceFlush(t.Context())
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v, want the slowest's time", took)
		}
		if want := "one\ntwo\npanic: three"; !errors.Is(err, one) || !errors.Is(err, two) || err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		if err := f.Shutdown(t.Context()); !errors.Is(err, one) {
			t.Errorf("shutdown: %v", err)
		}
	})
}

func TestJoinMemberThatHangsCostsTheOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hanging, healthy atomic.Int32
		release := make(chan struct{})
		f := Join(
			member{flush: func(context.Context) error { hanging.Add(1); <-release; return nil }},
			member{flush: func(context.Context) error { healthy.Add(1); return nil }},
		)
		for i := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			err := f.ForceFlush(ctx)
			cancel()
			if !errors.Is(err, errStuck) {
				t.Errorf("error %v", err)
			}
			want := time.Duration(0)
			if i == 0 {
				want = time.Second + straggle
			}
			if took := time.Since(began); took != want {
				t.Errorf("call %d took %v, want %v", i, took, want)
			}
		}
		if hanging.Load() != 1 || healthy.Load() != 3 {
			t.Errorf("hanging member called %d times, healthy one %d times", hanging.Load(), healthy.Load())
		}
		close(release)
		synctest.Wait()
		if err := f.ForceFlush(t.Context()); err != nil || hanging.Load() != 2 {
			t.Errorf("after its return the member is called %d times, error %v", hanging.Load(), err)
		}
	})
}

// TestFlusherInTimeIsNotStuck: who returns within a straggle of the end of its context has heeded it.
func TestFlusherInTimeIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Join(member{flush: func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(straggle / 2)
			return ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errStuck) {
			t.Errorf("error %v", err)
		}
	})
}

func TestFlusherThatEndsItsGoroutineIsAnError(t *testing.T) {
	f := Join(member{flush: func(context.Context) error { runtime.Goexit(); return nil }})
	if err := f.ForceFlush(t.Context()); err == nil || err.Error() != "ended its goroutine" {
		t.Errorf("error %v", err)
	}
}

func TestJoinForwardsWhatIsOptional(t *testing.T) {
	var roots [][8]byte
	var reasons []string
	var intervals []bool
	one := &full{
		endOpen: func(root [8]byte, reason string) int {
			roots, reasons = append(roots, root), append(reasons, reason)
			return 2
		},
		interval: func(on bool) { intervals = append(intervals, on) },
		value:    slog.GroupValue(slog.Int("pending", 1)),
	}
	bad := &full{
		endOpen:  func([8]byte, string) int { panic("no") },
		interval: func(bool) { panic("no") },
		value:    slog.GroupValue(slog.Int("pending", 4)),
	}
	f := Join(member{}, bad, one, nil, one).(joined)
	if n := f.EndOpen([8]byte{7}, "because"); n != 4 {
		t.Errorf("%d spans ended, want the sum", n)
	}
	f.SetIntervalFlush(true)
	if diff := cmp.Diff([]any{[][8]byte{{7}, {7}}, []string{"because", "because"}, []bool{true, true}}, []any{roots, reasons, intervals}); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if n, known := undelivered(f.LogValue()); n != 6 || !known {
		t.Errorf("account %v: %d undelivered", f.LogValue(), n)
	}
	if got := Join(member{}, one).(joined).LogValue(); !got.Equal(one.value) {
		t.Errorf("the account of the only member with one is %v", got)
	}
}

func TestUndelivered(t *testing.T) {
	for _, tt := range []struct {
		name    string
		account slog.Value
		want    int64
		known   bool
	}{
		{"none", slog.GroupValue(), 0, false},
		{"no group", slog.StringValue("pending"), 0, false},
		{"other counts", slog.GroupValue(slog.Int("ended", 3)), 0, false},
		{"all delivered", slog.GroupValue(slog.Int("pending", 0), slog.Int("dropped", 0)), 0, true},
		{"both", slog.GroupValue(slog.Int("pending", 1), slog.Uint64("dropped", 2)), 3, true},
		{"by reason", slog.GroupValue(slog.Group("dropped", slog.Int("queue", 1), slog.Int("refused", 2))), 3, true},
		{"of several", slog.GroupValue(slog.Group("1", slog.Int("pending", 1)), slog.Group("2", slog.Int("pending", 1))), 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, known := undelivered(tt.account); got != tt.want || known != tt.known {
				t.Errorf("%d, known %t", got, known)
			}
		})
	}
}

// typed is a full member that also knows kinds of errors, and exports open spans.
type typed struct {
	full
	endOpenAs  func(root [8]byte, errorType, reason string) int
	exportOpen func(ctx context.Context) (int, error)
}

func (f *typed) EndOpenAs(root [8]byte, errorType, reason string) int {
	return f.endOpenAs(root, errorType, reason)
}

func (f *typed) ExportOpen(ctx context.Context, _ [8]byte, _, _ string) (int, error) {
	return f.exportOpen(ctx)
}

func TestJoinEndsOpenSpansAsEachMemberCan(t *testing.T) {
	var got []string
	plain := &full{endOpen: func(_ [8]byte, reason string) int { got = append(got, "plain "+reason); return 1 }}
	both := &typed{
		full:      full{endOpen: func(_ [8]byte, reason string) int { got = append(got, "untyped "+reason); return 1 }},
		endOpenAs: func(_ [8]byte, kind, reason string) int { got = append(got, kind+" "+reason); return 2 },
	}
	f := Join(member{}, plain, both)
	if n := f.(TypedOpenEnder).EndOpenAs([8]byte{}, "timeout", "why"); n != 3 {
		t.Errorf("%d spans ended", n)
	}
	if n := f.(OpenEnder).EndOpen([8]byte{}, "so"); n != 2 {
		t.Errorf("%d spans ended", n)
	}
	if diff := cmp.Diff([]string{"plain why", "timeout why", "plain so", "untyped so"}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestJoinExportsOpenSpansOfAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		exporting := func(after time.Duration, n int, err error) *typed {
			return &typed{exportOpen: func(context.Context) (int, error) { time.Sleep(after); return n, err }}
		}
		f := Join(member{}, exporting(time.Second, 2, nil), exporting(time.Second, 1, down),
			&typed{exportOpen: func(context.Context) (int, error) { panic("boom") }})
		began := time.Now()
		n, err := f.(OpenExporter).ExportOpen(t.Context(), [8]byte{}, "timeout", "why")
		if n != 3 || !errors.Is(err, down) || err.Error() != "down\npanic: boom" || time.Since(began) != time.Second {
			t.Errorf("%d, %v after %v", n, err, time.Since(began))
		}
	})
}

// writer is a member with a last resort, that also wants to know of the end.
type writer struct {
	member
	writeOut func() int
	hasten   func(until time.Time)
}

func (f writer) WriteOut(context.Context) int { return f.writeOut() }
func (f writer) Hasten(until time.Time)       { f.hasten(until) }

func TestJoinForwardsLastWords(t *testing.T) {
	var got []time.Time
	noted := func(until time.Time) { got = append(got, until) }
	f := Join(member{},
		writer{writeOut: func() int { return 2 }, hasten: noted},
		writer{writeOut: func() int { panic("no") }, hasten: func(time.Time) { panic("no") }},
		writer{writeOut: func() int { return 1 }, hasten: noted})
	if n := f.(OutWriter).WriteOut(t.Context()); n != 3 {
		t.Errorf("%d written, want the sum", n)
	}
	end := time.Unix(7, 0)
	f.(Hastener).Hasten(end)
	if diff := cmp.Diff([]time.Time{end, end}, got); diff != "" {
		t.Errorf("hastened (-want +got):\n%s", diff)
	}
}

// A member that hangs in ExportOpen is left behind, and is asked for nothing until it has returned, but to shut down.
func TestJoinLeavesAHangingExportBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		f := Join(&typed{exportOpen: func(context.Context) (int, error) { <-never; return 1, nil }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		for range 2 {
			if n, err := f.(OpenExporter).ExportOpen(ctx, [8]byte{}, "timeout", "why"); n != 0 || !errors.Is(err, errStuck) {
				t.Errorf("%d, %v", n, err)
			}
		}
		if took := time.Since(began); took != time.Second+straggle {
			t.Errorf("took %v", took)
		}
		if err := f.ForceFlush(t.Context()); !errors.Is(err, errStuck) {
			t.Errorf("ForceFlush: %v", err)
		}
		if err := f.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		close(never)
		synctest.Wait()
		if err := f.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush after it has returned: %v", err)
		}
	})
}
