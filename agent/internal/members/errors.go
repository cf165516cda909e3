package members

import (
	"errors"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// callErrors are the failed calls of a List's members, in order.
//
// A member's own error is foreign code: bounded has read its text and keeps it for the callers of Agent.Flush. The agent
// formats it, but does not look into its chain. So notReturned is known apart from it.
type callErrors struct {
	errs        []error // at least one
	notReturned bool    // a call was abandoned, or not made because of an abandoned call
}

func (e *callErrors) Error() string { return errors.Join(e.errs...).Error() }

func (e *callErrors) Unwrap() []error { return e.errs }

// NotReturned reports, for an error of a [List], whether a member's call was abandoned, or was not made because of an
// abandoned call. It calls no method of err.
func NotReturned(err error) bool {
	e, ok := err.(*callErrors) //nolint:errorlint // a List does not wrap it
	return ok && e.notReturned
}

// isNotReturned is NotReturned for the error of one member.
func isNotReturned(err error) bool {
	//nolint:errorlint // the methods of the member's own errors are foreign code
	return err == bounded.ErrNotReturned || err == bounded.ErrStillRunning
}
