package delivery_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// TestCustomExporter asserts the contract of ItemSender under concurrent flushes.
func TestCustomExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: func(context.Context, []string) error { time.Sleep(10 * ms); return nil }}
		q := newItemQueue(x, batchSize(2))
		push(q, "a", "b", "c", "d", "e")
		var running []<-chan error
		for range 4 {
			running = append(running, async(func() error { return q.Flush(within(t, time.Second)) }))
		}
		for _, r := range running {
			wantNil(t, "flush", <-r)
		}
		for range 2 {
			wantNil(t, "shutdown", q.Shutdown(t.Context()))
		}
		calls, _, closes := x.got()
		if !slices.Equal(calls, []string{"a,b", "c,d", "e"}) || closes != 1 {
			t.Errorf("calls %q, closed %d times", calls, closes)
		}
		x.check(t)
		wantStats(t, q, delivery.Stats{Ended: 5, Exported: 5})
	})
}

// TestBatchThatACustomExporterNeverTakes asserts that each such batch delays no other by more than one flush, and is
// dropped after three failed flushes between which others were delivered.
func TestBatchThatACustomExporterNeverTakes(t *testing.T) {
	for _, bad := range []string{"bad", "hang"} {
		for _, several := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				x := &exporter{takes: picky}
				q := newItemQueue(x, batchSize(1))
				push(q, bad)
				if several {
					push(q, bad+"2", bad+"3")
				}
				pushed := q.Stats().Ended
				var refused int64
				for i := range 20 {
					push(q, strconv.Itoa(i))
					_, err := flush(t, q, time.Second)
					_, taken, _ := x.got()
					if late := int64(i + 1 - len(taken)); late > pushed {
						t.Errorf("%d times %s: after flush %d taken %q", pushed, bad, i, taken)
					}
					refused += dropsIn(err)
					time.Sleep(time.Minute)
				}
				if refused != pushed {
					t.Errorf("%s: %d of %d batches dropped: %+v", bad, refused, pushed, q.Stats())
				}
				_, err := flush(t, q, time.Second)
				wantNil(t, "the last flush", err)
				_, taken, _ := x.got()
				wantSorted(t, "taken", taken, numbers(20)...)
				calls, _, _ := x.got()
				for _, name := range []string{bad, bad + "2", bad + "3"}[:pushed] {
					if n := len(slices.DeleteFunc(slices.Clone(calls), func(c string) bool { return c != name })); n < 3 || n > 6 {
						t.Errorf("%s was sent %d times", name, n)
					}
				}
				x.check(t)
			})
		}
	}
}

// TestCustomOutageDropsNothing asserts that an exporter that fails for every batch loses none.
func TestCustomOutageDropsNothing(t *testing.T) {
	for _, slow := range []time.Duration{0, 20 * ms} {
		synctest.Test(t, func(t *testing.T) {
			down := true
			x := &exporter{}
			x.takes = func(context.Context, []string) error {
				time.Sleep(slow)
				if down {
					return errDown
				}
				return nil
			}
			q := newItemQueue(x, batchSize(2))
			push(q, numbers(9)...)
			for range 50 {
				if _, err := flush(t, q, time.Second); err == nil {
					t.Fatal("no error")
				}
				time.Sleep(time.Minute)
			}
			down = false
			_, err := flush(t, q, time.Second)
			wantNil(t, "after the outage", err)
			_, taken, _ := x.got()
			wantSorted(t, "taken", taken, numbers(9)...)
		})
	}
}

// TestCustomOutageCostsLittle asserts that an exporter that fails fast costs an invocation at most 5 ms and one call,
// however many batches the queue has, and that the last flush still tries them all.
func TestCustomOutageCostsLittle(t *testing.T) {
	for _, slow := range []time.Duration{2 * ms, 20 * ms} {
		synctest.Test(t, func(t *testing.T) {
			x := &exporter{takes: func(context.Context, []string) error { time.Sleep(slow); return errDown }}
			q := newItemQueue(x, capacity(1000))
			for i := range 100 {
				push(q, strconv.Itoa(i))
				if took, _ := flush(t, q, 2*time.Second); took > 5*ms+slow {
					t.Fatalf("flush %d took %v", i, took)
				}
			}
			before, _, _ := x.got()
			_ = q.Shutdown(within(t, 450*ms))
			if calls, _, _ := x.got(); len(calls)-len(before) < 10 {
				t.Errorf("%d calls in the last flush", len(calls)-len(before))
			}
			x.check(t)
		})
	}
}

// TestImpatientCallersDropNothing asserts that calls cut short by their callers do not count against a batch.
func TestImpatientCallersDropNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: func(ctx context.Context, items []string) error {
			d := time.Millisecond
			if items[0] == "slow" {
				d = 50 * ms
			}
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		q := newItemQueue(x, batchSize(1))
		push(q, "slow")
		for i := range 20 {
			push(q, strconv.Itoa(i))
			_, _ = flush(t, q, 20*ms)
			time.Sleep(time.Minute)
		}
		_, err := flush(t, q, time.Second)
		wantNil(t, "a flush with enough time", err)
		wantStats(t, q, delivery.Stats{Ended: 21, Exported: 21})
		x.check(t)
	})
}

// TestInstantFailuresDoNotOpenTheBreaker asserts that a custom exporter that fails at once is tried by every flush.
func TestInstantFailuresDoNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: func(context.Context, []string) error { return errDown }}
		q := newItemQueue(x)
		push(q, "a")
		for range 5 {
			if _, err := flush(t, q, time.Second); !errors.Is(err, errDown) {
				t.Errorf("flush: %v", err)
			}
		}
		if calls, _, _ := x.got(); len(calls) != 5 || q.Stats().Breaker != breaker.Closed {
			t.Errorf("%d calls, breaker %v", len(calls), q.Stats().Breaker)
		}
	})
}

// TestCustomExporterFaults asserts that a panic and runtime.Goexit do not reach the caller and drop the batch that caused them.
func TestCustomExporterFaults(t *testing.T) {
	for name, fault := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		synctest.Test(t, func(t *testing.T) {
			x := &exporter{takes: func(_ context.Context, items []string) error {
				if items[0] == "bad" {
					fault()
				}
				return nil
			}}
			q := newItemQueue(x, batchSize(1))
			push(q, "bad", "good")
			_, err := flush(t, q, time.Second)
			if dropsIn(err) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			wantStats(t, q, delivery.Stats{Ended: 2, Exported: 1, Dropped: delivery.Dropped{Refused: 1}})
			wantNil(t, "shutdown", q.Shutdown(t.Context()))
		})
	}
}

// TestCustomExporterThatHangs asserts that an exporter that ignores its context keeps no caller for longer than its own
// context, is never called twice at once, and is closed when it has returned.
func TestCustomExporterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		x := &exporter{takes: func(context.Context, []string) error { <-release; return errDown }}
		q := newItemQueue(x)
		push(q, "a")
		took, err := flush(t, q, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		wantTook(t, "flush", took, time.Second)
		for range 3 {
			if took, err := flush(t, q, time.Second); err == nil || took > 200*ms {
				t.Errorf("a later flush: %v after %v", err, took)
			}
		}
		if err := q.Shutdown(within(t, 500*ms)); err == nil {
			t.Error("shutdown: no error")
		}
		if calls, _, closes := x.got(); len(calls) != 1 || closes != 0 {
			t.Errorf("%d calls, closed %d times", len(calls), closes)
		}
		close(release)
		time.Sleep(time.Second)
		if _, _, closes := x.got(); closes != 1 {
			t.Errorf("closed %d times", closes)
		}
		x.check(t)
		wantStats(t, q, delivery.Stats{Ended: 1, Pending: 1})
	})
}

// TestShutdownWithoutDeadlineEnds asserts that Shutdown has Config.Timeout if its context has no deadline, even with an
// exporter that never returns.
func TestShutdownWithoutDeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		x := &exporter{takes: func(context.Context, []string) error { <-release; return nil }}
		q := newItemQueue(x)
		push(q, "a")
		begin := time.Now()
		if err := q.Shutdown(context.Background()); err == nil {
			t.Error("no error")
		}
		wantTook(t, "shutdown", time.Since(begin), 30*time.Second)
		close(release)
		time.Sleep(time.Second)
		x.check(t)
	})
}

// TestCustomShutdownTriesEveryBatch asserts that a batch that fails does not keep the others from the last flush.
func TestCustomShutdownTriesEveryBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: picky}
		q := newItemQueue(x, batchSize(1))
		push(q, "bad", "a", "bad2", "b")
		if err := q.Shutdown(within(t, time.Second)); !errors.Is(err, errPicky) {
			t.Errorf("shutdown: %v", err)
		}
		_, taken, _ := x.got()
		wantSorted(t, "taken", taken, "a", "b")
	})
}

// TestFlushWithoutDeadlineEnds asserts that a caller without a deadline waits for Config.Timeout in all, however many
// batches there are.
func TestFlushWithoutDeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &exporter{takes: func(context.Context, []string) error { time.Sleep(600 * ms); return nil }}
		q := newItemQueue(x, batchSize(1), func(c *delivery.Config) { c.Timeout = time.Second })
		push(q, numbers(5)...)
		begin := time.Now()
		if err := q.Flush(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		wantTook(t, "flush", time.Since(begin), time.Second)
		synctest.Wait()
		time.Sleep(time.Second)
	})
}
