package handler

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// noSpan is the span of an invocation whose own could not be started. It records nothing.
var noSpan = trace.SpanFromContext(context.Background())

// guard keeps what the program put behind the OpenTelemetry API (propagators, samplers, span processors) and the
// tracker from breaking the function: a panic there costs telemetry, and never an invocation or the process.
// The first one is reported to OpenTelemetry's error handler, the rest are silent: they would come with every invocation.
type guard struct{ reported sync.Once }

// safely calls f and swallows a panic in it.
func (g *guard) safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			g.reported.Do(func() { report(v) })
		}
	}()
	f()
}

// report tells of a panic. The error handler is the program's as well.
func report(value any) {
	defer func() { _ = recover() }()
	otel.Handle(fmt.Errorf("epilogue: telemetry panicked, the function goes on without it: %v", value))
}
