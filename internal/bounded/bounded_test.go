package bounded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// same reports whether err is want itself and does not wrap it.
func same(err, want error) bool { return any(err) == any(want) }

// stringer is a value that ends the goroutine that formats it.
type stringer struct{}

func (stringer) String() string { runtime.Goexit(); return "" }

// TestFaultsBecomeErrors also asserts that the package's own results are unwrapped, so that callers can compare them without
// walking foreign errors, and that a function cannot return them itself.
func TestFaultsBecomeErrors(t *testing.T) {
	exits := func(context.Context) { runtime.Goexit() }
	for name, fn := range map[string]func(context.Context){
		"it exits": exits, "its panic does": func(context.Context) { panic(stringer{}) },
	} {
		if err := bounded.Run(t.Context(), 0, fn); !same(err, bounded.ErrGoexit) {
			t.Errorf("%s: %#v, want ErrGoexit", name, err)
		}
	}
	got, err := bounded.Call(t.Context(), 0, func(context.Context) (int, error) { return 7, bounded.ErrGoexit })
	if got != 7 || same(err, bounded.ErrGoexit) || !errors.Is(err, bounded.ErrGoexit) {
		t.Errorf("result %d, %#v, want 7 and a wrapped ErrGoexit", got, err)
	}
	for text, value := range map[string]any{
		"panicked: 7": 7, "panicked: <nil>": (*time.Time)(nil), "panicked: EOF": io.EOF, "panicked: no such span": "no such span",
	} {
		for _, err := range []error{
			bounded.Protect(func() { panic(value) }), bounded.Run(t.Context(), 0, func(context.Context) { panic(value) }),
		} {
			p, ok := err.(*bounded.PanicError) //nolint:errorlint // it is unwrapped
			if !ok || p.Value != value || err.Error() != text || errors.Is(err, io.EOF) != (value == any(io.EOF)) {
				t.Errorf("%#v, want %s", err, text)
			}
		}
	}
	if err := errors.Join(bounded.Protect(func() {}), bounded.Run(t.Context(), 0, func(context.Context) {}), bounded.Safe(nil)); err != nil {
		t.Errorf("without a fault: %v", err)
	}
}

// bad is an error whose methods misbehave.
type bad struct{ text, walk func() }

func (b bad) Error() string { b.text(); return "bad" }
func (b bad) Unwrap() error { b.walk(); return io.EOF }

// graph is an error that wraps others, which may be itself.
type graph struct{ wrapped []error }

func (*graph) Error() string     { return "graph" }
func (g *graph) Unwrap() []error { return g.wrapped }

// endless is an error that always wraps another one.
type endless struct{}

func (endless) Error() string   { return "endless" }
func (e endless) Unwrap() error { return e }

// TestForeignErrorsAreSafe asserts that an error of a function can be formatted and unwrapped without a fault.
func TestForeignErrorsAreSafe(t *testing.T) {
	fine, panics := func() {}, func() { panic(io.ErrNoProgress) }
	var typedNil *url.Error
	ring := &graph{}
	ring.wrapped = []error{fmt.Errorf("around: %w", ring)}
	manyPaths := &graph{}
	for range 60 {
		manyPaths = &graph{[]error{manyPaths, manyPaths}}
	}
	for name, c := range map[string]struct {
		err   error
		text  string
		isEOF bool
	}{
		"a plain error":          {bad{fine, fine}, "bad", true},
		"a typed nil":            {typedNil, "*url.Error whose Error method panics", false},
		"a bad Error method":     {bad{panics, fine}, "bounded_test.bad whose Error method panics", true},
		"a bad Unwrap method":    {bad{fine, panics}, "bad", false},
		"wrapped in a typed":     {&url.Error{Op: "Get", URL: "u", Err: bad{fine, panics}}, `Get "u": bad`, false},
		"joined with a typed":    {errors.Join(io.ErrNoProgress, bad{fine, panics}), "multiple Read calls return no data or error\nbad", false},
		"an error made safe":     {bounded.Safe(bad{fine, fine}), "bad", true},
		"a typed nil PanicError": {(*bounded.PanicError)(nil), "*bounded.PanicError whose Error method panics", false},
		"a cycle":                {ring, "graph", false},
		"many paths":             {manyPaths, "graph", false},
		"endless":                {endless{}, "endless", false},
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
}

// TestCallEndsInTime asserts that the caller waits for the context and the grace, and no longer: for the function, and for
// the methods of its error.
func TestCallEndsInTime(t *testing.T) {
	const timeout, grace = time.Second, 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := func() { <-release }
		for name, c := range map[string]struct {
			fn   func(context.Context) (string, error)
			took time.Duration
			want error
		}{
			"hangs":       {func(context.Context) (string, error) { hangs(); return "", nil }, timeout + grace, bounded.ErrNotReturned},
			"late":        {func(context.Context) (string, error) { time.Sleep(timeout + grace/2); return "", nil }, timeout + grace/2, nil},
			"Error hangs": {func(context.Context) (string, error) { return "", bad{hangs, hangs} }, timeout + grace, bounded.ErrNotReturned},
			"Error exits": {func(context.Context) (string, error) { return "", bad{runtime.Goexit, nil} }, 0, bounded.ErrGoexit},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			began := time.Now()
			_, err := bounded.Call(ctx, grace, c.fn)
			if took := time.Since(began); took != c.took || !same(err, c.want) {
				t.Errorf("%s: %v after %v, want %v after %v", name, err, took, c.want, c.took)
			}
			cancel()
		}
		close(release)
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
