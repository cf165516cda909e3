package bounded_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallReturnsTheResult(t *testing.T) {
	got, err := bounded.Call(t.Context(), 0, func(context.Context) (int, error) { return 7, io.EOF })
	if got != 7 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d, %v; want 7, EOF", got, err)
	}
}

func TestFaultsBecomeErrors(t *testing.T) {
	cause := errors.New("disk full")
	for name, c := range map[string]struct {
		fn   func(context.Context)
		want error
	}{
		"a panic with an error": {func(context.Context) { panic(cause) }, cause},
		"runtime.Goexit":        {func(context.Context) { runtime.Goexit() }, bounded.ErrGoexit},
		"a normal return":       {func(context.Context) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := bounded.Run(t.Context(), 0, c.fn); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestPanicErrorTellsTheValue(t *testing.T) {
	err := bounded.Run(t.Context(), 0, func(context.Context) { panic("no such span") })
	var p *bounded.PanicError
	if !errors.As(err, &p) || p.Value != "no such span" || err.Error() != "panicked: no such span" {
		t.Errorf("got %#v (%v)", err, err)
	}
	if err := bounded.Protect(func() { panic(io.EOF) }); !errors.Is(err, io.EOF) {
		t.Errorf("Protect: got %v, want EOF", err)
	}
}

// TestCallLeavesAHangingFunctionBehind asserts that the caller waits for the context and the grace, and no longer.
func TestCallLeavesAHangingFunctionBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := bounded.Run(ctx, 100*time.Millisecond, func(context.Context) { <-release })
		if took := time.Since(began); took != 1100*time.Millisecond {
			t.Errorf("returned after %v, want 1.1s", took)
		}
		if !errors.Is(err, bounded.ErrNotReturned) {
			t.Errorf("got %v, want ErrNotReturned", err)
		}
		close(release)
	})
}

func TestTheGraceAdmitsALateResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := bounded.Call(ctx, 100*time.Millisecond, func(ctx context.Context) (string, error) {
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			return "late", nil
		})
		if got != "late" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestExclusiveDoesNotPileUp asserts that a function is not called again before it has returned.
func TestExclusiveDoesNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot bounded.Exclusive
		release := make(chan struct{})
		var calls atomic.Int32
		hang := func(context.Context) error {
			calls.Add(1)
			<-release
			return nil
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := slot.Call(ctx, 0, hang); !errors.Is(err, bounded.ErrNotReturned) {
				t.Errorf("got %v, want ErrNotReturned", err)
			}
			cancel()
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("called %d times, want once", n)
		}
		returned := slot.Returned()
		select {
		case <-returned:
			t.Error("Returned is closed while a call runs")
		default:
		}
		close(release)
		<-returned
		<-slot.Returned()
		if err := slot.Call(t.Context(), 0, func(context.Context) error { return io.EOF }); !errors.Is(err, io.EOF) {
			t.Errorf("after the return: got %v, want EOF", err)
		}
	})
}

// slowDone is a context that has ended. Done returns when the function of a call has returned.
type slowDone struct {
	context.Context
	returned <-chan struct{}
}

func (c slowDone) Done() <-chan struct{} {
	<-c.returned
	time.Sleep(time.Millisecond) // in a bubble: until the result is readable
	return c.Context.Done()
}

// TestAResultAtTheEndWins asserts that a result that is readable when the context and the grace have ended is returned.
func TestAResultAtTheEndWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 200 {
			returned := make(chan struct{})
			got, err := bounded.Call(slowDone{ctx, returned}, 0, func(context.Context) (int, error) {
				defer close(returned)
				return 7, nil
			})
			if got != 7 || err != nil {
				t.Fatalf("got %d, %v; want 7", got, err)
			}
		}
	})
}
