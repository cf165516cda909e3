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

// TestCallsDoNotPileUp asserts that a function is not called again before it has returned, and that this costs no time.
func TestCallsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot bounded.Slot
		h := &hanging{release: make(chan struct{})}
		if err := slot.Call(within(t, time.Second), 0, h.run); !same(err, bounded.ErrNotReturned) {
			t.Errorf("the first call: %v, want ErrNotReturned", err)
		}
		for range 3 {
			began := time.Now()
			if err := slot.Call(within(t, time.Second), 0, h.run); !same(err, bounded.ErrStillRunning) || time.Since(began) > 0 {
				t.Errorf("a later call: %v after %v, want ErrStillRunning at once", err, time.Since(began))
			}
		}
		if n := h.calls.Load(); n != 1 {
			t.Errorf("called %d times, want once", n)
		}
		close(h.release)
		synctest.Wait()
		if err := slot.Call(t.Context(), 0, h.run); !errors.Is(err, io.EOF) {
			t.Errorf("after the return: got %v, want EOF", err)
		}
	})
}

// TestCallsInTurn asserts that callers wait for the slot under their own context, and that it is free when a caller has its
// result.
func TestCallsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot bounded.Slot
		busy := func(context.Context) error { time.Sleep(time.Second); return nil }
		began, results := time.Now(), make(chan error)
		for range 3 {
			go func() {
				results <- errors.Join(slot.Call(within(t, time.Minute), 0, busy), slot.Call(within(t, time.Minute), 0, busy))
			}()
		}
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("six calls took %v", took)
		}
		for range 1000 {
			if err := slot.Call(within(t, 0), time.Second, func(context.Context) error { panic("boom") }); same(err, bounded.ErrStillRunning) {
				t.Fatal("the slot of the last call is not free")
			}
		}
	})
}

// TestAWaitForTheSlotEnds asserts that a caller waits no longer than its context, and not for an abandoned call.
func TestAWaitForTheSlotEnds(t *testing.T) {
	for _, c := range []struct{ first, second, want time.Duration }{
		{time.Minute, time.Second, time.Second}, {time.Second, time.Minute, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var slot bounded.Slot
			h := &hanging{release: make(chan struct{})}
			began, first := time.Now(), make(chan error)
			go func() { first <- slot.Call(within(t, c.first), 0, h.run) }()
			synctest.Wait()
			if err := slot.Call(within(t, c.second), 0, h.run); !same(err, bounded.ErrStillRunning) || time.Since(began) != c.want {
				t.Errorf("%v after %v, want ErrStillRunning after %v", err, time.Since(began), c.want)
			}
			if err := <-first; !same(err, bounded.ErrNotReturned) {
				t.Errorf("the first call: %v", err)
			}
			close(h.release)
		})
	}
}

// TestLateReturnIsNotAbandoned asserts that a call that returns within the grace frees the slot.
func TestLateReturnIsNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot bounded.Slot
		late := func(ctx context.Context) error { <-ctx.Done(); return nil }
		for range 2 {
			if err := slot.Call(within(t, time.Second), time.Second, late); err != nil {
				t.Error(err)
			}
		}
	})
}
