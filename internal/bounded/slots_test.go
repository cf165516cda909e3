package bounded_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// hanging is a function that returns when it is told to.
type hanging struct {
	calls   atomic.Int32
	release chan struct{}
}

func (h *hanging) run(context.Context) error {
	h.calls.Add(1)
	<-h.release
	return io.EOF
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestSlotsDoNotPileUp asserts that a function is not called again before it has returned, and that this costs no time.
func TestSlotsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slots bounded.Slots
		h := &hanging{release: make(chan struct{})}
		if err := slots.Call(within(t, time.Second), 0, h.run); !same(err, bounded.ErrNotReturned) {
			t.Errorf("the first call: %v, want ErrNotReturned", err)
		}
		for range 3 {
			began := time.Now()
			if err := slots.Call(within(t, time.Second), 0, h.run); !same(err, bounded.ErrStillRunning) || time.Since(began) > 0 {
				t.Errorf("a later call: %v after %v, want ErrStillRunning at once", err, time.Since(began))
			}
		}
		if n := h.calls.Load(); n != 1 {
			t.Errorf("called %d times, want once", n)
		}
		returned := make(chan struct{})
		go func() { slots.Wait(); close(returned) }()
		synctest.Wait()
		select {
		case <-returned:
			t.Error("Wait returned while a call runs")
		default:
		}
		close(h.release)
		<-returned
		slots.Wait()
		if err := slots.Call(t.Context(), 0, h.run); !errors.Is(err, io.EOF) {
			t.Errorf("after the return: got %v, want EOF", err)
		}
	})
}

// TestSlotsInTurn asserts that callers wait for a slot under their own context.
func TestSlotsInTurn(t *testing.T) {
	for _, limit := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			slots := bounded.Slots{Limit: limit}
			atOnce, most := make(chan struct{}, 10), 0
			busy := func(context.Context) error {
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				time.Sleep(time.Second)
				return nil
			}
			began, results := time.Now(), make(chan error)
			for range 6 {
				go func() { results <- slots.Call(within(t, time.Minute), 0, busy) }()
			}
			for range 6 {
				synctest.Wait()
				most = max(most, len(atOnce))
				if err := <-results; err != nil {
					t.Errorf("limit %d: %v", limit, err)
				}
			}
			want := max(limit, 1)
			if took := time.Since(began); took != time.Duration(6/want)*time.Second || most != want {
				t.Errorf("limit %d: six calls took %v, %d at once", limit, took, most)
			}
		})
	}
}

// TestSlotsEndAWait asserts that a caller waits no longer than its context, and not for an abandoned call.
func TestSlotsEndAWait(t *testing.T) {
	for _, c := range []struct{ first, second, want time.Duration }{
		{time.Minute, time.Second, time.Second}, {time.Second, time.Minute, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var slots bounded.Slots
			h := &hanging{release: make(chan struct{})}
			began, first := time.Now(), make(chan error)
			go func() { first <- slots.Call(within(t, c.first), 0, h.run) }()
			synctest.Wait()
			if err := slots.Call(within(t, c.second), 0, h.run); !same(err, bounded.ErrStillRunning) || time.Since(began) != c.want {
				t.Errorf("%v after %v, want ErrStillRunning after %v", err, time.Since(began), c.want)
			}
			if err := <-first; !same(err, bounded.ErrNotReturned) {
				t.Errorf("the first call: %v", err)
			}
			close(h.release)
			slots.Wait()
		})
	}
}

// TestSlotOfALateReturn asserts that a call that returns within the grace does not count as abandoned.
func TestSlotOfALateReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slots bounded.Slots
		late := func(ctx context.Context) error { <-ctx.Done(); return nil }
		for range 2 {
			if err := slots.Call(within(t, time.Second), time.Second, late); err != nil {
				t.Error(err)
			}
		}
	})
}
