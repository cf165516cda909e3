package delivery_test

import (
	"context"
	"errors"
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

// TestBatchThatACustomExporterNeverTakes asserts that each such batch delays no other by more than one flush, is
// dropped after three failed flushes between which others were delivered, and keeps no other from the last flush.
func TestBatchThatACustomExporterNeverTakes(t *testing.T) {
	for _, bad := range [][]string{{"bad"}, {"hang"}, {"bad", "bad2", "bad3"}, {"hang", "hang2", "hang3"}} {
		synctest.Test(t, func(t *testing.T) {
			x := &exporter{takes: picky}
			q := newItemQueue(x, batchSize(1))
			push(q, bad...)
			var refused int64
			for i := range 20 {
				push(q, strconv.Itoa(i))
				_, err := flush(t, q, time.Second)
				_, taken, _ := x.got()
				if late := i + 1 - len(taken); late > len(bad) {
					t.Errorf("%q: after flush %d taken %q", bad, i, taken)
				}
				refused += dropsIn(err)
				time.Sleep(time.Minute)
			}
			if refused != int64(len(bad)) {
				t.Errorf("%q: %d batches dropped: %+v", bad, refused, q.Stats())
			}
			calls, taken, _ := x.got()
			wantSorted(t, "taken", taken, numbers(20)...)
			for _, name := range bad {
				if n := len(slices.DeleteFunc(slices.Clone(calls), func(c string) bool { return c != name })); n < 3 || n > 6 {
					t.Errorf("%s was sent %d times", name, n)
				}
			}
			push(q, "bad4", "a", "bad5", "b")
			if err := q.Shutdown(within(t, time.Second)); !errors.Is(err, errPicky) {
				t.Errorf("shutdown: %v", err)
			}
			_, taken, _ = x.got()
			wantSorted(t, "taken", taken[20:], "a", "b")
			x.check(t)
		})
	}
}

// TestCustomOutage asserts that an exporter that fails for every batch loses none, costs an invocation one call and 5
// ms at most, and is tried with every batch in the last flush. One that fails at once is tried by every flush.
func TestCustomOutage(t *testing.T) {
	for _, slow := range []time.Duration{0, 2 * ms, 20 * ms} {
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
			q := newItemQueue(x, capacity(1000))
			for i := range 100 {
				push(q, strconv.Itoa(i))
				before, _, _ := x.got()
				took, err := flush(t, q, 2*time.Second)
				calls, _, _ := x.got()
				if took > 5*ms+slow || err == nil {
					t.Fatalf("flush %d took %v: %v", i, took, err)
				}
				if slow == 0 && (len(calls) == len(before) || q.Stats().Breaker != breaker.Closed || !errors.Is(err, errDown)) {
					t.Fatalf("flush %d: not tried: %v", i, err)
				}
			}
			before, _, _ := x.got()
			_ = q.Shutdown(within(t, 450*ms))
			if calls, _, _ := x.got(); len(calls)-len(before) < 10 {
				t.Errorf("%d calls in the last flush", len(calls)-len(before))
			}
			wantStats(t, q, delivery.Stats{Ended: 100, Pending: 100})
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
	})
}
