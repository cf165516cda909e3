package bounded_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"reflect"
	"runtime"
	"strings"
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

// TestOwnResultsAreUnwrapped asserts that callers can compare the package's results without walking foreign errors, and
// that a function cannot return them itself.
func TestOwnResultsAreUnwrapped(t *testing.T) {
	if err := bounded.Run(t.Context(), 0, func(context.Context) { runtime.Goexit() }); !same(err, bounded.ErrGoexit) {
		t.Errorf("got %#v, want ErrGoexit", err)
	}
	if err := bounded.Run(t.Context(), 0, func(context.Context) { panic(1) }); reflect.TypeOf(err) != reflect.TypeFor[*bounded.PanicError]() {
		t.Errorf("got %#v, want a *PanicError", err)
	}
	_, err := bounded.Call(t.Context(), 0, func(context.Context) (int, error) { return 0, bounded.ErrGoexit })
	if same(err, bounded.ErrGoexit) || !errors.Is(err, bounded.ErrGoexit) {
		t.Errorf("got %#v, want a wrapped ErrGoexit", err)
	}
}

// bad is an error whose methods misbehave.
type bad struct{ text, walk func() }

func (b bad) Error() string { b.text(); return "bad" }

func (b bad) Unwrap() error { b.walk(); return io.EOF }

func panics() { panic(bad{panics, panics}) }

// TestForeignErrorsAreSafe asserts that an error of a function can be formatted and unwrapped without a fault.
func TestForeignErrorsAreSafe(t *testing.T) {
	fine := func() {}
	var typedNil *url.Error
	for name, c := range map[string]struct {
		err   error
		text  string
		isEOF bool
	}{
		"a plain error":          {bad{fine, fine}, "bad", true},
		"a typed nil":            {typedNil, "*url.Error whose Error method panics", false},
		"a bad Error method":     {bad{panics, fine}, "bounded_test.bad whose Error method panics", true},
		"a bad Unwrap method":    {bad{fine, panics}, "bad", false},
		"both are bad":           {bad{panics, panics}, "bounded_test.bad whose Error method panics", false},
		"wrapped in a typed":     {&url.Error{Op: "Get", URL: "u", Err: bad{fine, panics}}, `Get "u": bad`, false},
		"joined with a typed":    {errors.Join(io.ErrNoProgress, bad{fine, panics}), "multiple Read calls return no data or error\nbad", false},
		"an error made safe":     {bounded.Safe(bad{fine, fine}), "bad", true},
		"a typed nil PanicError": {(*bounded.PanicError)(nil), "*bounded.PanicError whose Error method panics", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, returned := bounded.Call(t.Context(), 0, func(context.Context) (int, error) { return 0, c.err })
			panicked := bounded.Protect(func() { panic(c.err) })
			for _, err := range []error{returned, panicked, bounded.Safe(c.err)} {
				if got := strings.TrimPrefix(err.Error(), "panicked: "); got != c.text {
					t.Errorf("text %q, want %q", got, c.text)
				}
				if got := errors.Is(err, io.EOF); got != c.isEOF {
					t.Errorf("errors.Is: %v, want %v", got, c.isEOF)
				}
			}
		})
	}
	if err := bounded.Safe(nil); err != nil {
		t.Errorf("Safe(nil): %v", err)
	}
}

// TestErrorMethodsThatDoNotReturn asserts that the methods of an error are bounded like the call.
func TestErrorMethodsThatDoNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		for want, method := range map[error]func(){bounded.ErrNotReturned: func() { <-release }, bounded.ErrGoexit: runtime.Goexit} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := bounded.Call(ctx, 0, func(context.Context) (int, error) { return 0, bad{method, method} })
			cancel()
			if !same(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		close(release)
	})
}

// stringer is a value that fails to format.
type stringer struct{}

func (stringer) String() string { runtime.Goexit(); return "" }

func TestPanicWithAnyValue(t *testing.T) {
	for text, value := range map[string]any{"panicked: 7": 7, "panicked: <nil>": (*time.Time)(nil)} {
		if err := bounded.Protect(func() { panic(value) }); err.Error() != text {
			t.Errorf("got %q, want %q", err, text)
		}
	}
	if err := bounded.Run(t.Context(), 0, func(context.Context) { panic(stringer{}) }); !same(err, bounded.ErrGoexit) {
		t.Errorf("got %v, want ErrGoexit", err)
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

// same reports whether err is want itself and does not wrap it.
func same(err, want error) bool { return any(err) == any(want) }
