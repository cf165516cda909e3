package bounded

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestTheSlotIsFreeBeforeTheResult asserts the order on which Exclusive relies: its slot is free when its caller has the
// result. Otherwise the next call would fail now and then.
func TestTheSlotIsFreeBeforeTheResult(t *testing.T) {
	for name, fn := range map[string]func(context.Context) error{
		"returns": func(context.Context) error { return nil },
		"panics":  func(context.Context) error { panic("boom") },
	} {
		synctest.Test(t, func(t *testing.T) {
			free := make(chan struct{})
			done := start(t.Context(), fn, func() { <-free })
			synctest.Wait()
			if len(done) > 0 {
				t.Errorf("%s: the result is readable while the slot is taken", name)
			}
			close(free)
			t.Log(<-done)
		})
	}
}
