package bounded_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestCallsDoNotPileUp asserts that a function is not called again before it has returned. A caller waits no longer than its
// context, and not at all for an abandoned call. A call that returns within the grace frees the slot.
func TestCallsDoNotPileUp(t *testing.T) {
	for _, c := range []struct{ first, second, waits time.Duration }{
		{time.Minute, time.Second, time.Second}, {time.Second, time.Minute, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var slot bounded.Slot
			calls, release := 0, make(chan struct{})
			hangs := func(ctx context.Context) error { calls++; <-release; return ctx.Err() }
			began, first := time.Now(), make(chan error)
			go func() { first <- slot.Call(within(t, c.first), 0, hangs) }()
			synctest.Wait()
			if err := slot.Call(within(t, c.second), 0, hangs); !same(err, bounded.ErrStillRunning) || time.Since(began) != c.waits {
				t.Errorf("%v after %v, want ErrStillRunning after %v", err, time.Since(began), c.waits)
			}
			if err := <-first; !same(err, bounded.ErrNotReturned) {
				t.Errorf("the first call: %v", err)
			}
			began = time.Now()
			if err := slot.Call(within(t, time.Second), 0, hangs); !same(err, bounded.ErrStillRunning) || time.Since(began) > 0 || calls != 1 {
				t.Errorf("%v after %v and %d calls, want ErrStillRunning immediately", err, time.Since(began), calls)
			}
			close(release)
			synctest.Wait()
			for range 2 {
				if err := slot.Call(within(t, time.Second), time.Second, func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
					t.Errorf("a return within the grace: %v", err)
				}
			}
		})
	}
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
