package delivery_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// writer writes some items at once and, if during is not nil, calls it before each write. It cannot write the item
// "unwritable".
type writer struct {
	atOnce int
	fails  int // the write from which on it fails; 0: never
	during func()

	writes int
	items  []string
}

var errDiskFull = errors.New("disk full")

// spillTo spills q to w until ctx ends.
func spillTo(ctx context.Context, q *delivery.Queue[string], w *writer) (pending int, err error) {
	return q.Spill(func(items []string, spilled func(from, to int)) error {
		for from := 0; from < len(items) && ctx.Err() == nil; {
			if w.during != nil {
				w.during()
			}
			if w.writes++; w.writes == w.fails {
				return errDiskFull
			}
			to := min(from+w.atOnce, len(items))
			if i := slices.Index(items[from:to], "unwritable"); i >= 0 {
				to = from + i
			}
			w.items = append(w.items, items[from:to]...)
			spilled(from, to)
			from = max(to, from+1)
		}
		return ctx.Err()
	})
}

// TestSpill asserts that pending items are written in order and leave the queue, that one which cannot be written
// stays, and that the others stay after an error and when the context ends.
func TestSpill(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx  context.Context
		w    writer
		want []string
		err  error
	}{
		"all":         {t.Context(), writer{atOnce: 2}, []string{"a", "b", "c", "d"}, nil},
		"an error":    {t.Context(), writer{atOnce: 1, fails: 2}, []string{"a"}, errDiskFull},
		"out of time": {ended, writer{atOnce: 2, during: cancel}, []string{"a", "b"}, context.Canceled},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBackend(always(accepts))
			_, q := newQueue(b, batchSize(2))
			push(q, "a", "b", "c", "unwritable", "d")
			pending, err := spillTo(c.ctx, q, &c.w)
			if pending != 5 || !errors.Is(err, c.err) || !slices.Equal(c.w.items, c.want) {
				t.Errorf("%s: %q of %d, %v", name, c.w.items, pending, err)
			}
			spilled := int64(len(c.want))
			wantStats(t, q, delivery.Stats{Ended: 5, Spilled: spilled, Pending: 5 - spilled})
			_, err = flush(t, q, time.Second)
			wantNil(t, "a flush if the process lives on", err)
			wantStats(t, q, delivery.Stats{Ended: 5, Spilled: spilled, Exported: 5 - spilled})
		})
	}
}

// TestSpillOfRequestsUnderWay asserts that an item without an answer is spilled and counted once, whatever the answer
// is and whenever it comes.
func TestSpillOfRequestsUnderWay(t *testing.T) {
	for name, answer := range map[string]reply{"accepted": accepts, "refused": refuses, "failed": cuts, "too large": tooLarge} {
		for _, answered := range []bool{false, true} { // before the write ends
			synctest.Test(t, func(t *testing.T) {
				_, q := newQueue(newBackend(always(answer.in(100*ms))), batchSize(2))
				push(q, "a", "b", "c")
				running := async(func() error { return q.Flush(within(t, 150*ms)) })
				synctest.Wait()
				w := &writer{atOnce: 10}
				if answered {
					w.during = func() { time.Sleep(100 * ms); synctest.Wait() }
				}
				if _, err := spillTo(t.Context(), q, w); len(w.items) != 3 || err != nil {
					t.Errorf("Spill: %q, %v", w.items, err)
				}
				<-running
				synctest.Wait()
				s := q.Stats()
				addUp(t, s)
				if s.Pending != 0 || q.Idle() != nil || !answered && s.Spilled != 3 {
					t.Errorf("%s: %+v", name, s)
				}
			})
		}
	}
}

// TestSpillAfterShutdown asserts that the items which a shutdown could not deliver can be spilled.
func TestSpillAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newQueue(newBackend(always(hangs)))
		push(q, "a")
		if q.Shutdown(within(t, 450*ms)) == nil {
			t.Error("no error")
		}
		w := &writer{atOnce: 10}
		if _, err := spillTo(t.Context(), q, w); err != nil || len(w.items) != 1 {
			t.Errorf("Spill: %q, %v", w.items, err)
		}
		time.Sleep(time.Second)
		wantStats(t, q, delivery.Stats{Ended: 1, Spilled: 1})
	})
}
