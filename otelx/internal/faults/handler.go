// Package faults reports faults of the SDK to otel.Handle.
package faults

import (
	"context"
	"log"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// timeout is how long the error handler may hold a flush.
const timeout = 100 * time.Millisecond

// Handler reports errors to otel.Handle, which calls an error handler of the program. That one may panic, end its goroutine or
// block. Calls are made one at a time. A call that does not return in time is left behind, and no other is made until it has
// returned. The zero value is ready.
//
// The process's log, and with it otel.Handle, may be a bridge to the SDK's log records. The backend may refuse the record of a
// report as well. So such a report is written to standard error too; see RecordQueued.
type Handler struct {
	slot      bounded.Slot
	reporting atomic.Bool // otel.Handle has been called and has not returned
	queued    atomic.Bool // a log record was queued meanwhile
}

// Handle reports err unless it is nil. It returns within 100 ms. err is lost if the error handler has not returned from an earlier
// call.
func (h *Handler) Handle(err error) {
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = h.slot.Call(ctx, 0, func(context.Context) error {
		h.report(err)
		return nil
	})
}

// RecordQueued tells h that a log record waits for its export. If that happens during a report, the record is probably the
// report's; one of another goroutine makes a line on standard error that is not needed.
func (h *Handler) RecordQueued() {
	if h.reporting.Load() {
		h.queued.Store(true)
	}
}

// report calls otel.Handle, and writes err to standard error if a log record was queued meanwhile. Calls come one at a time.
func (h *Handler) report(err error) {
	h.queued.Store(false)
	h.reporting.Store(true)
	defer func() {
		h.reporting.Store(false)
		if h.queued.Load() {
			log.New(os.Stderr, "otelx: ", log.LstdFlags|log.Lmsgprefix).Print(err)
		}
	}()
	otel.Handle(err)
}
