package bounded

import (
	"errors"
	"fmt"
)

// PanicError is a recovered panic. Its methods run no foreign code.
type PanicError struct {
	Value any // the value given to panic; never nil

	text  string
	cause error
}

func newPanicError(value any) *PanicError {
	e := &PanicError{Value: value}
	if err, ok := value.(error); ok {
		e.cause = Safe(err)
		e.text = fmt.Sprintf("panicked: %v", e.cause)
		return e
	}
	if recovered(func() { e.text = fmt.Sprintf("panicked: %v", value) }) != nil {
		e.text = fmt.Sprintf("panicked with a %T", value)
	}
	return e
}

func (e *PanicError) Error() string { return e.text }

// Unwrap returns the panic's value if it is an error, made [Safe].
func (e *PanicError) Unwrap() error { return e.cause }

// safeError is an error of foreign code whose own methods have run once.
type safeError struct {
	text  string
	cause error // nil if its methods panic
}

func (e *safeError) Error() string { return e.text }

func (e *safeError) Unwrap() error { return e.cause }

// Safe returns an error with the text of err that can be formatted and unwrapped anywhere: formatting it calls no method
// of err, and errors.Is and errors.As find err only if its methods do not panic and it wraps at most maxErrors. It calls
// the methods of err, so it is not for use under a lock. It returns nil for nil.
func Safe(err error) error {
	if err == nil {
		return nil
	}
	if safe, ok := err.(*safeError); ok && safe != nil { //nolint:errorlint // err's methods may panic
		return safe
	}
	safe := &safeError{}
	if recovered(func() { safe.text = err.Error() }) != nil {
		safe.text = fmt.Sprintf("%T whose Error method panics", err)
	}
	finite, left := false, maxErrors
	if recovered(func() { finite = walk(err, &left) }) == nil && finite {
		safe.cause = err
	}
	return safe
}

// maxErrors bounds the walk over the errors that an error wraps. They may be cyclic, endless or a graph with very many
// paths, and then errors.Is and errors.As do not return.
const maxErrors = 1000

var errNone = errors.New("no error of a chain")

// walk calls the methods of err that errors.Is and errors.As call, in their order. It reports false if there are more
// errors than left.
func walk(err error, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	if e, ok := err.(interface{ Is(target error) bool }); ok {
		_ = e.Is(errNone)
	}
	if e, ok := err.(interface{ As(target any) bool }); ok {
		_ = e.As(new(*safeError))
	}
	var wrapped []error
	switch e := err.(type) { //nolint:errorlint // this is the walk
	case interface{ Unwrap() error }:
		wrapped = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = e.Unwrap()
	}
	for _, next := range wrapped {
		if next != nil && !walk(next, left) {
			return false
		}
	}
	return true
}
