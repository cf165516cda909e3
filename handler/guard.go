package handler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// noSpan is the span of an invocation whose own could not be started. It records nothing.
var noSpan = trace.SpanFromContext(context.Background())

// reportTimeout bounds the call of OpenTelemetry's error handler.
const reportTimeout = 100 * time.Millisecond

// guard keeps panics of propagators, samplers, span processors and the tracker from the function. It reports the first
// one to OpenTelemetry's error handler. The others are silent, since they would come with every invocation.
type guard struct{ reported sync.Once }

// protect calls f and recovers a panic.
func (g *guard) protect(f func()) {
	if err := bounded.Protect(f); err != nil {
		g.reported.Do(func() { report(err) })
	}
}

// report reports a panic. The error handler is the program's as well: it may panic, or never return.
func report(err error) {
	var value any = err
	if p, ok := err.(*bounded.PanicError); ok { //nolint:errorlint // Protect does not wrap it
		value = p.Value
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	_ = bounded.Run(ctx, 0, func(context.Context) {
		otel.Handle(fmt.Errorf("epilogue: telemetry panicked, the function continues without it: %v", value))
	})
}
