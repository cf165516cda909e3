package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// failure is an error, a panic or a broken stream.
type failure struct {
	message string // the status description and exception.message
	kind    string // error.type
	typ     string // exception.type
	stack   string // exception.stacktrace, empty if there is none
	exits   bool   // aws-lambda-go exits after its report
}

// failureOf describes an error that the handler returns. If its Error method panics, as that of a nil pointer returned
// as an error often does, aws-lambda-go calls it too, panics, and exits.
func failureOf(err error) failure {
	if e, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // as aws-lambda-go, which does not unwrap
		return reported(e)
	}
	f := failure{typ: typeName(err)}
	if panicked := bounded.Protect(func() { f.message = err.Error() }); panicked != nil {
		f.message, f.kind, f.exits = fmt.Sprintf("%T: its Error method %v", err, panicked), f.typ, true
		return f
	}
	f.kind = kindOf(err)
	return f
}

// failureOfPanic describes a panic, or runtime.Goexit if value is nil. Call it before the stack unwinds.
func failureOfPanic(value any) failure {
	if value == nil {
		const kind = "runtime.Goexit"
		return failure{message: "the handler called runtime.Goexit", kind: kind, typ: kind, stack: string(debug.Stack())}
	}
	if e, ok := value.(messages.InvokeResponse_Error); ok {
		f := reported(e)
		if f.stack == "" { // else the caller gets its own
			f.stack = string(debug.Stack())
		}
		return f
	}
	kind := typeName(value)
	return failure{message: fmt.Sprint(value), kind: kind, typ: kind, stack: string(debug.Stack()), exits: true}
}

// reported describes the error that aws-lambda-go reports to the caller as it is. ShouldExit says whether it exits
// then.
func reported(e messages.InvokeResponse_Error) failure {
	f := failure{message: e.Message, kind: e.Type, typ: e.Type, exits: e.ShouldExit}
	if e.Type == "" {
		f.kind, f.typ = typeName(e), typeName(e)
	}
	var stack strings.Builder
	for _, frame := range e.StackTrace {
		if frame != nil {
			fmt.Fprintf(&stack, "%s\n\t%s:%d\n", frame.Label, frame.Path, frame.Line)
		}
	}
	f.stack = stack.String()
	return f
}

// record sets the span's status and error.type, and adds an exception event. It returns the message as it is recorded.
func (inv *invocation) record(f failure) (message string) {
	inv.failed.Store(true)
	message = inv.limits.cut(f.message, maxMessage)
	attrs := []attribute.KeyValue{
		semconv.ExceptionType(inv.limits.cut(f.typ, maxMessage)), semconv.ExceptionMessage(message),
	}
	if f.stack != "" {
		attrs = append(attrs, semconv.ExceptionStacktrace(inv.limits.cut(f.stack, maxStack)))
	}
	inv.protect(func() {
		inv.span.SetStatus(codes.Error, message)
		inv.span.SetAttributes(semconv.ErrorTypeKey.String(inv.limits.cut(f.kind, maxMessage)))
		inv.recordException(attrs)
	})
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

// maxErrors bounds the walk over the errors that err wraps, which may be cyclic, a graph with many paths, or endless.
const maxErrors = 100

// walkTimeout bounds the calls of their methods Unwrap and ErrorType, which only telemetry calls.
const walkTimeout = 100 * time.Millisecond

// kindOf is semconv.ErrorType for any error: that calls errors.As, which does not return for a cyclic one.
func kindOf(err error) string {
	ctx, cancel := context.WithTimeout(context.Background(), walkTimeout)
	defer cancel()
	kind, failed := bounded.Call(ctx, 0, func(context.Context) (string, error) {
		return cmp.Or(ownType(err), typeName(unwrapFmt(err))), nil
	})
	if failed != nil {
		return typeName(err)
	}
	return kind
}

// ownType returns what the first error with a method ErrorType says, in the order of errors.As; empty if there is none.
func ownType(err error) string {
	todo := []error{err}
	for n := 0; n < maxErrors && len(todo) > 0; n++ {
		next := todo[0]
		todo = todo[1:]
		switch e := next.(type) { //nolint:errorlint // this is the walk
		case interface{ ErrorType() string }:
			return e.ErrorType()
		case interface{ Unwrap() error }:
			todo = append([]error{e.Unwrap()}, todo...)
		case interface{ Unwrap() []error }:
			wrapped := e.Unwrap()
			todo = slices.Concat(wrapped[:min(len(wrapped), maxErrors)], todo)
		}
	}
	return ""
}

// fmtWrapper is the type of the errors that fmt.Errorf makes with one %w.
var fmtWrapper = reflect.TypeOf(fmt.Errorf("%w", context.Canceled))

// unwrapFmt returns the error that fmt.Errorf wraps.
func unwrapFmt(err error) error {
	for n := 0; n < maxErrors && reflect.TypeOf(err) == fmtWrapper; n++ {
		wrapped := errors.Unwrap(err)
		if wrapped == nil {
			break
		}
		err = wrapped
	}
	return err
}
