package handler

import (
	"fmt"
	"reflect"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// recordError sets the span's status to err's message and adds an exception event. It reports false if err.Error
// panics, as that of a nil pointer returned as an error often does.
func (inv *invocation) recordError(err error) bool {
	message, kind, intact := describe(err)
	inv.recordException(message, kind, semconv.ExceptionType(typeName(err)))
	return intact
}

// recordException sets the status and error.type, and adds an exception event with further attributes.
func (inv *invocation) recordException(message, kind string, more ...attribute.KeyValue) {
	inv.protect(func() {
		inv.span.SetStatus(codes.Error, message)
		inv.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
		inv.span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(append(more, semconv.ExceptionMessage(message))...))
	})
}

// describe returns err's message and its error.type. It recovers panics of err's methods.
func describe(err error) (message, kind string, intact bool) {
	defer func() {
		if v := recover(); v != nil {
			kind = typeName(err)
			if !intact {
				message = fmt.Sprintf("%T: its Error method panics: %v", err, v)
			}
		}
	}()
	message = err.Error()
	intact = true
	kind = semconv.ErrorType(err).Value.AsString() // by err's own ErrorType, if it has one
	return message, kind, intact
}

// recordInterruption sets the span's status for a panic, or for runtime.Goexit if value is nil. Call it before the
// stack unwinds. It returns the status description.
func (inv *invocation) recordInterruption(value any) (message string) {
	kind, message := "runtime.Goexit", "the handler called runtime.Goexit"
	if value != nil {
		kind, message = typeName(value), fmt.Sprint(value)
	}
	inv.recordException(message, kind, semconv.ExceptionType(kind), semconv.ExceptionStacktrace(string(debug.Stack())))
	return message
}

// typeName is the name of v's type with its package path, if it has one.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.PkgPath() == "" || t.Name() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}
