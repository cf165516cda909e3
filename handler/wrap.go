package handler

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda"
)

// Wrap returns fn instrumented, to be passed to lambda.Start or lambda.StartWithOptions as the outermost wrapper:
// what is around it would take the close of the response for its posting.
//
// fn is anything lambda.Start accepts: a function of any valid signature, the result of lambdaurl.Wrap, or a
// lambda.Handler, which stays one. What the Runtime API receives is the same with and without Wrap: bytes, content
// type, errors by type and message, trailers, the process's exit. In a panic's stack trace the frames from the
// user's code down are the same; above them stand this package's, which let the panic go on. Functions that wrap
// the results of lambda.NewHandler and read handlertrace.HandlerTrace.ResponseEvent see a reader there.
//
// The result of lambda.NewHandler or lambda.NewHandlerWithOptions (wrap the function given to it instead) and what
// is no valid handler (nil, no function, another signature) are returned as they are, with one line in slog's
// default logger, so that lambda.Start reports its own error; the tracker is not attached then.
func Wrap(fn any, opts ...Option) any {
	if h, ok := fn.(lambda.Handler); ok {
		if reflect.TypeOf(fn) == reflect.TypeOf(lambda.NewHandler(nil)) {
			return unwrapped(fn, "the result of lambda.NewHandler hides the function; wrap the function")
		}
		return &bytesHandler{instrument: newInstrument(newConfig(opts)), next: h}
	}
	s, err := signatureOf(fn)
	if err != nil {
		return unwrapped(fn, err.Error())
	}
	h := &funcHandler{instrument: newInstrument(newConfig(opts)), signature: s, trigger: triggerOf(s.event)}
	in := []reflect.Type{contextType}
	if s.event != nil {
		in = append(in, s.event)
	}
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{readerType, errorType}, false), h.serve).Interface()
}

// unwrapped lets fn through and says why.
func unwrapped(fn any, reason string) any {
	slog.Warn("epilogue: handler not instrumented", "reason", reason, "type", fmt.Sprintf("%T", fn))
	return fn
}

// funcHandler serves the invocations of a function. Decoding stays aws-lambda-go's: the function it sees takes the
// user's own event type. Encoding is done here, since only a reader of our own tells when it was posted.
type funcHandler struct {
	*instrument
	signature signature
	trigger   trigger
}

var (
	noReader = reflect.Zero(readerType)
	noError  = reflect.Zero(errorType)
)

// serve is a func(context.Context, TIn) (io.Reader, error).
func (h *funcHandler) serve(args []reflect.Value) []reflect.Value {
	ctx, _ := args[0].Interface().(context.Context)
	var event reflect.Value
	if len(args) > 1 {
		event = args[1]
	}
	ctx, inv := h.begin(ctx, &h.trigger, event)
	defer inv.interrupted(&inv.returned)
	result, err := h.signature.call(ctx, event)
	var out responseReader
	if err == nil {
		out, err = h.encoding.response(result)
	}
	inv.returned = true
	if err != nil {
		inv.fail(err)
		return []reflect.Value{noReader, reflect.ValueOf(err)}
	}
	inv.http = h.trigger.http != nil
	inv.recordResult(result, out)
	return []reflect.Value{reflect.ValueOf(newBody(inv, out)), noError}
}

// bytesHandler serves the invocations of a lambda.Handler, whose responses are not closed.
type bytesHandler struct {
	*instrument
	next lambda.Handler
}

// Invoke implements lambda.Handler.
func (h *bytesHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, inv := h.begin(ctx, &trigger{}, reflect.Value{})
	defer inv.interrupted(&inv.returned)
	out, err := h.next.Invoke(ctx, payload)
	inv.returned = true
	if err != nil {
		inv.fail(err)
		return out, err
	}
	inv.recordSize(len(out))
	inv.endSpan()
	inv.leave(len(out) > maxResponse)
	return out, nil
}
