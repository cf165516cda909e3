// Package bounded calls foreign code: an exporter, a hook, a logger, an error handler, anything that the program or
// another library has written. Such code may panic, end its goroutine or never return. None of that reaches the caller.
//
// The errors of foreign code are foreign code, too: their methods may panic, for example those of a typed nil pointer.
// [Call] and [Slot.Call] return them as [Safe] does. They return the package's own results unwrapped, so callers
// compare them with == or a type assertion: [ErrGoexit], [ErrNotReturned], [ErrStillRunning] and *[PanicError].
//
// It is the only package of the product that recovers panics, but for those that package handler passes on.
package bounded

import (
	"context"
	"errors"
	"time"
)

// ErrGoexit means that the function ended its goroutine (runtime.Goexit).
var ErrGoexit = errors.New("ended its goroutine")

// ErrNotReturned means that the function had not returned when its time was over. It may still be running.
var ErrNotReturned = errors.New("did not return in time")

// Call runs fn on a goroutine of its own and returns its result, or returns as soon as ctx has ended and the grace has
// passed. Then the error is [ErrNotReturned] and the goroutine stays behind until fn returns. A result that is ready
// at that moment wins.
//
// A panic in fn becomes a [*PanicError], runtime.Goexit becomes [ErrGoexit], and an error of fn becomes [Safe].
func Call[T any](ctx context.Context, grace time.Duration, fn func(context.Context) (T, error)) (T, error) {
	value, done := new(T), make(chan error, 1) // the rest has no type parameter: each type would add 2 KB to a binary
	Start(ctx, func(ctx context.Context) (err error) {
		*value, err = fn(ctx)
		return err
	}, func(err error) { done <- err })
	returned, err := wait(ctx, grace, done)
	if !returned { // fn may still write to value
		var zero T
		return zero, err
	}
	return *value, err
}

// Run is [Call] for a function without a result.
func Run(ctx context.Context, grace time.Duration, fn func(context.Context)) error {
	_, err := Call(ctx, grace, func(ctx context.Context) (struct{}, error) {
		fn(ctx)
		return struct{}{}, nil
	})
	return err
}

// Protect runs fn on the caller's goroutine and turns a panic into a [*PanicError]. It does not bound the time.
func Protect(fn func()) error {
	if value := recovered(fn); value != nil {
		return newPanicError(value)
	}
	return nil
}

// recovered runs fn and returns the value of its panic; nil if there was none.
func recovered(fn func()) (value any) {
	defer func() { value = recover() }()
	fn()
	return nil
}

// Start runs fn on a new goroutine and calls done there with its error when it has returned: [ErrGoexit], a [*PanicError],
// or an error made [Safe], so that the methods of an error cannot hold the caller of Start either.
func Start(ctx context.Context, fn func(context.Context) error, done func(error)) {
	go func() {
		result := ErrGoexit
		defer func() { done(result) }()
		var err error
		if panicked := Protect(func() { err = fn(ctx) }); panicked != nil {
			result = panicked
			return
		}
		result = Safe(err) // may end the goroutine
	}()
}

// wait returns the error of a call, or [ErrNotReturned]. returned reports whether the call is over.
func wait(ctx context.Context, grace time.Duration, done <-chan error) (returned bool, err error) {
	select {
	case err = <-done:
		return true, err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err = <-done:
		return true, err
	case <-timer.C:
	}
	select {
	case err = <-done:
		return true, err
	default:
		return false, ErrNotReturned
	}
}
