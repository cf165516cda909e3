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
// returned. The zero value is ready.
type Handler struct{ slot bounded.Slot }

// Handle reports err unless it is nil. It returns within 100 ms. err is lost if the error handler has not returned from an earlier
// call.
func (h *Handler) Handle(err error) {
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = h.slot.Call(ctx, 0, func(context.Context) error {
		otel.Handle(err)
		return nil
	})
}
