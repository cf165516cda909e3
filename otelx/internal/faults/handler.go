// Package faults reports faults of the SDK to otel.Handle.
package faults

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// timeout is how long the error handler may hold a flush.
const timeout = 100 * time.Millisecond

// Handler reports errors to otel.Handle, which calls an error handler of the program. That one may panic, end its goroutine or
// block. Calls are made one at a time. A call that does not return in time is left behind, and no other is made until it has
// returned.
type Handler struct {
	turn chan struct{} // holds a token while a call is waited for
	slot bounded.Exclusive
}

// NewHandler returns a Handler.
func NewHandler() *Handler { return &Handler{turn: make(chan struct{}, 1)} }

// Handle reports err unless it is nil. It returns within 100 ms. err is lost if the error handler has not returned from an earlier
// call.
func (h *Handler) Handle(err error) {
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-h.turn }()
	_ = h.slot.Call(ctx, 0, func(context.Context) error {
		otel.Handle(err)
		return nil
	})
}
