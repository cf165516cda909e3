package otelx

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// guardTimeout is how long a call into the program's code may hold a flush.
const guardTimeout = 100 * time.Millisecond

// guard calls code of the program: a meter provider or the error handler. Calls are made one at a time. A panic is an error.
// A call that does not return in time is left behind, and no other call is made until it has returned.
type guard struct {
	name string        // of the code, in errors
	turn chan struct{} // holds a token while a call is waited for
	slot bounded.Exclusive
}

func newGuard(name string) *guard { return &guard{name: name, turn: make(chan struct{}, 1)} }

// call calls f and waits for it, guardTimeout at most.
func (g *guard) call(f func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), guardTimeout)
	defer cancel()
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return g.stuck()
	}
	defer func() { <-g.turn }()
	err := g.slot.Call(ctx, 0, func(context.Context) error { f(); return nil })
	switch {
	case err == bounded.ErrNotReturned, err == bounded.ErrStillRunning: //nolint:errorlint // compares its own results
		return g.stuck()
	case err != nil:
		return fmt.Errorf("%s %w", g.name, err)
	}
	return nil
}

func (g *guard) stuck() error { return fmt.Errorf("%s did not return within %s", g.name, guardTimeout) }

// errorHandler reports errors to otel.Handle, which calls a handler of the program. A handler that blocks must not hold an
// invocation.
type errorHandler struct{ guard *guard }

func newErrorHandler() errorHandler { return errorHandler{newGuard("the error handler")} }

// handle reports err unless it is nil. An error is lost if the handler has not returned from an earlier one.
func (h errorHandler) handle(err error) {
	if err != nil {
		_ = h.guard.call(func() { otel.Handle(err) })
	}
}
