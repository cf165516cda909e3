// Package bounded calls foreign code: an exporter, a hook, a logger, an error handler, anything that the program or
// another library has written. Such code may panic, end its goroutine or never return. None of that reaches the caller.
//
// It is the only place in the module that does this.
package bounded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrGoexit means that the function ended its goroutine (runtime.Goexit).
var ErrGoexit = errors.New("ended its goroutine")

// ErrNotReturned means that the function had not returned when its time was over. It may still be running.
var ErrNotReturned = errors.New("did not return in time")

// PanicError is a recovered panic.
type PanicError struct {
	Value any // the value given to panic; never nil
}

func (e *PanicError) Error() string { return fmt.Sprintf("panicked: %v", e.Value) }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Call runs fn on a goroutine of its own and returns its result, or returns as soon as ctx has ended and the grace has
// passed. Then the error is [ErrNotReturned] and the goroutine stays behind until fn returns. A result that is ready
// at that moment wins.
//
// A panic in fn becomes a [*PanicError], and runtime.Goexit becomes [ErrGoexit].
func Call[T any](ctx context.Context, grace time.Duration, fn func(context.Context) (T, error)) (T, error) {
	// The work is done by functions without a type parameter: each type would add 2 KB to a binary.
	value := new(T)
	returned, err := call(ctx, grace, func(ctx context.Context) (err error) {
		*value, err = fn(ctx)
		return err
	}, nil)
	if !returned { // fn may still write to value
		var zero T
		return zero, err
	}
	return *value, err
}

// Run is [Call] for a function without a result.
func Run(ctx context.Context, grace time.Duration, fn func(context.Context)) error {
	_, err := call(ctx, grace, func(ctx context.Context) error {
		fn(ctx)
		return nil
	}, nil)
	return err
}

// Protect runs fn on the caller's goroutine and turns a panic into a [*PanicError]. It does not bound the time.
func Protect(fn func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v}
		}
	}()
	fn()
	return nil
}

// Exclusive admits one call at a time, so that calls that do not return cannot pile up. The zero value is ready.
type Exclusive struct {
	mu      sync.Mutex
	running chan struct{} // closed when the call under way returns; nil: none is
}

// Returned returns a channel that is closed when no call is running.
func (e *Exclusive) Returned() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running != nil {
		return e.running
	}
	none := make(chan struct{})
	close(none)
	return none
}

// Call is the package's [Call] on the slot e. It returns [ErrNotReturned] without calling fn while an earlier call that
// was left behind has not returned.
func (e *Exclusive) Call(ctx context.Context, grace time.Duration, fn func(context.Context) error) error {
	if !e.enter() {
		return fmt.Errorf("an earlier call %w", ErrNotReturned)
	}
	_, err := call(ctx, grace, fn, e.leave)
	return err
}

func (e *Exclusive) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running != nil {
		return false
	}
	e.running = make(chan struct{})
	return true
}

func (e *Exclusive) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.running)
	e.running = nil
}

// call is [Call] without the result. returned reports whether fn has returned, panicked or ended its goroutine.
func call(ctx context.Context, grace time.Duration, fn func(context.Context) error, after func()) (returned bool, err error) {
	return wait(ctx, grace, start(ctx, fn, after))
}

// start runs fn on a new goroutine. It calls after, if there is one, when fn has returned and before the error is
// readable.
func start(ctx context.Context, fn func(context.Context) error, after func()) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := ErrGoexit
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{Value: v}
			}
			if after != nil {
				after()
			}
			done <- err
		}()
		err = fn(ctx)
	}()
	return done
}

func wait(ctx context.Context, grace time.Duration, done <-chan error) (returned bool, err error) {
	select {
	case err := <-done:
		return true, err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-done:
		return true, err
	case <-timer.C:
	}
	select {
	case err := <-done:
		return true, err
	default:
		return false, ErrNotReturned
	}
}
