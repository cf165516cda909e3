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

func (w *writer) Write(_ context.Context, items []string) (int, error) {
	if w.during != nil {
		w.during()
	}
	w.writes++
	if w.writes == w.fails {
		return 0, errDiskFull
	}
	if items[0] == "unwritable" {
		return 0, nil
	}
	n := min(w.atOnce, len(items))
	if i := slices.Index(items[:n], "unwritable"); i > 0 {
		n = i
	}
	w.items = append(w.items, items[:n]...)
	return n, nil
}

// spillTo spills q to w until ctx ends.
func spillTo(ctx context.Context, q *delivery.Queue[string], w *writer) (written, pending int, err error) {
	pending, err = q.Spill(func(items []string, spilled func(from, to int)) error {
		for from := 0; from < len(items); {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			n, err := w.Write(ctx, items[from:])
			if err != nil {
				return err
			}
			spilled(from, from+n)
			written += n
			from += max(n, 1)
		}
		return nil
	})
	return written, pending, err
}

// TestSpill asserts that pending items are written in order and leave the queue, and that one which cannot be written
// stays.
func TestSpill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(accepts))
		_, q := newQueue(b, batchSize(2))
		push(q, "a", "b", "c", "unwritable", "d")
		w := &writer{atOnce: 2}
		written, pending, err := spillTo(t.Context(), q, w)
		if written != 4 || pending != 5 || err != nil {
			t.Errorf("Spill: %d of %d, %v", written, pending, err)
		}
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(w.items, want) {
			t.Errorf("written %q, want %q", w.items, want)
		}
		wantStats(t, q, delivery.Stats{Ended: 5, Spilled: 4, Pending: 1})
		push(q, "e")
		_, err = flush(t, q, time.Second)
		wantNil(t, "a flush if the process lives on", err)
		wantBodies(t, b, "unwritable,e")
		wantStats(t, q, delivery.Stats{Ended: 6, Spilled: 4, Exported: 2})
	})
}

// TestSpillStops asserts that unwritten items stay, after an error and when the context ends.
func TestSpillStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newQueue(newBackend(nil))
		push(q, "a", "b", "c")
		written, pending, err := spillTo(t.Context(), q, &writer{atOnce: 1, fails: 2})
		if written != 1 || pending != 3 || !errors.Is(err, errDiskFull) {
			t.Errorf("Spill: %d of %d, %v", written, pending, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		written, pending, err = spillTo(ctx, q, &writer{atOnce: 1, during: cancel})
		if written != 1 || pending != 2 || !errors.Is(err, context.Canceled) {
			t.Errorf("Spill: %d of %d, %v", written, pending, err)
		}
		wantStats(t, q, delivery.Stats{Ended: 3, Pending: 1, Spilled: 2})
	})
}

// TestSpillOfRequestsUnderWay asserts that an item without an answer is spilled and counted once, whatever the answer is
// and whenever it comes.
func TestSpillOfRequestsUnderWay(t *testing.T) {
	for name, answer := range map[string]reply{"accepted": accepts, "refused": refuses, "failed": cuts, "too large": tooLarge} {
		for _, answered := range []bool{false, true} { // before the write ends
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(always(answer.in(100 * ms)))
				_, q := newQueue(b, batchSize(2))
				push(q, "a", "b", "c")
				running := async(func() error { return q.Flush(within(t, 150*ms)) })
				synctest.Wait()
				w := &writer{atOnce: 10}
				if answered {
					w.during = func() { time.Sleep(100 * ms); synctest.Wait() }
				}
				written, _, err := spillTo(t.Context(), q, w)
				if written != 3 || err != nil {
					t.Errorf("Spill: %d, %v", written, err)
				}
				<-running
				synctest.Wait()
				s := q.Stats()
				addUp(t, s)
				if s.Pending != 0 || q.Idle() != nil {
					t.Errorf("%s: %+v", name, s)
				}
				if !answered && s.Spilled != 3 {
					t.Errorf("%s: %+v, want all spilled", name, s)
				}
			})
		}
	}
}

// TestSpillAfterShutdown asserts that the items which a shutdown could not deliver can be spilled.
func TestSpillAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(always(hangs))
		_, q := newQueue(b)
		push(q, "a")
		if q.Shutdown(within(t, 450*ms)) == nil {
			t.Error("no error")
		}
		w := &writer{atOnce: 10}
		if _, _, err := spillTo(t.Context(), q, w); err != nil || len(w.items) != 1 {
			t.Errorf("Spill: %q, %v", w.items, err)
		}
		time.Sleep(time.Second)
		b.check(t)
		wantStats(t, q, delivery.Stats{Ended: 1, Spilled: 1})
	})
}
