package handler

import (
	"reflect"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// scopeName is the instrumentation scope of the invocations' spans.
const scopeName = "github.com/epilogue-go/epilogue/handler"

// tracers caches the tracer of the last provider: the SDK looks a tracer up under a lock, which costs as much as
// several allocations.
type tracers struct {
	scope []trace.TracerOption
	last  atomic.Pointer[providedTracer]
}

type providedTracer struct {
	trace.Tracer
	provider trace.TracerProvider // a pointer, so that == cannot panic
}

// of returns provider's tracer.
func (t *tracers) of(provider trace.TracerProvider) trace.Tracer {
	if last := t.last.Load(); last != nil && last.provider == provider {
		return last.Tracer
	}
	tracer := provider.Tracer(scopeName, t.scope...)
	if reflect.ValueOf(provider).Kind() == reflect.Pointer {
		t.last.Store(&providedTracer{tracer, provider})
	}
	return tracer
}
