package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// Wrap returns fn instrumented, for lambda.Start or lambda.StartWithOptions. It must be the outermost wrapper: another
// one around it would take the close of the response for its post.
//
// fn is anything that lambda.Start accepts: a function of any valid signature, the result of lambdaurl.Wrap, or a
// lambda.Handler, which stays one. The Runtime API receives the same with and without Wrap: bytes, content type, errors
// by type and message, trailers, the process's exit. In a panic's stack trace the frames of the user's code are the
// same; frames of this package are above them. Functions that wrap the results of lambda.NewHandler and read
// handlertrace.HandlerTrace.ResponseEvent see a reader there.
//
// Wrap returns two kinds of fn unchanged, with one line in slog's default logger, and does not attach the tracker: the
// result of lambda.NewHandler or lambda.NewHandlerWithOptions (wrap the function given to it instead), and a value that
// is not a valid handler, so that lambda.Start reports its own error.
func Wrap(fn any, opts ...Option) any {
	if h, ok := fn.(lambda.Handler); ok {
		if reflect.TypeOf(fn) == reflect.TypeOf(lambda.NewHandler(nil)) {
			return unwrapped(fn, "the result of lambda.NewHandler hides the function; wrap the function")
		}
		c := newConfig(opts)
		return &bytesHandler{instrument: newInstrument(c), next: h, reader: trigger.NewReader(nil, c.events)}
	}
	s, err := signatureOf(fn)
	if err != nil {
		return unwrapped(fn, err.Error())
	}
	c := newConfig(opts)
	h := &funcHandler{instrument: newInstrument(c), signature: s, reader: trigger.NewReader(s.event, c.events)}
	h.streams = s.streams
	h.raw = (c.rawEvent || decodesItself(s.event)) && h.reader.WantsRaw(s.event)
	in := []reflect.Type{contextType}
	switch {
	case h.raw:
		in = append(in, rawEventType)
	case s.event != nil:
		in = append(in, s.event)
	}
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{readerType, errorType}, false), h.serve).Interface()
}

// decodesItself reports whether an event type, nil if there is none, has an UnmarshalJSON. Its fields are not those of
// the JSON text, and options for decoding do not affect it.
func decodesItself(t reflect.Type) bool {
	return t != nil && (t.Implements(unmarshalerType) || reflect.PointerTo(t).Implements(unmarshalerType))
}

// unwrapped returns fn unchanged and logs the reason.
func unwrapped(fn any, reason string) any {
	slog.Warn("epilogue: handler not instrumented", "reason", reason, "type", fmt.Sprintf("%T", fn))
	return fn
}

// funcHandler serves the invocations of a function. aws-lambda-go decodes the event: the function that it sees takes
// the user's own event type, or one that keeps the JSON text. Wrap encodes the result, since only a reader of its own
// tells when it was posted.
type funcHandler struct {
	*instrument
	signature signature
	reader    *trigger.Reader
	raw       bool // the event comes as a rawEvent
}

// serve is a func(context.Context, TIn) (io.Reader, error).
func (h *funcHandler) serve(args []reflect.Value) []reflect.Value {
	ctx, _ := args[0].Interface().(context.Context)
	var event reflect.Value
	if len(args) > 1 {
		event = args[1]
	}
	read := func() trigger.Cause { return h.reader.Typed(event) }
	var result any
	var err error
	if h.raw {
		text := event.Interface().(rawEvent).text
		read = func() trigger.Cause { return h.reader.Raw(text) }
		event, err = h.codec.decode(text, h.signature.event)
	}
	b := new(body)
	inv := &b.inv
	ctx = h.begin(inv, ctx, read, func() any { return valueOf(event) })
	defer inv.onPanic(&inv.returned)
	if err == nil {
		result, err = h.signature.call(ctx, event)
	}
	if err == nil {
		b.stream, err = h.codec.encode(result, &b.encoded)
		b.readContentType()
	}
	inv.returned = true
	if err != nil {
		inv.finishError(err)
		return []reflect.Value{reflect.Zero(readerType), reflect.ValueOf(err)}
	}
	response := func() trigger.Response { return h.reader.Response(result) }
	if _, ok := result.(json.Marshaler); ok && b.stream == nil { // its fields are not those of the JSON text
		response = func() trigger.Response { return h.reader.RawResponse(b.encoded.Bytes()) }
	}
	if b.stream != nil { // with which the span ends
		inv.recordResult(response, -1)
	} else {
		inv.recordResult(response, b.encoded.Len())
		inv.failed.Store(b.encoded.Len() > maxResponse)
		inv.endSpan()
	}
	return []reflect.Value{reflect.ValueOf(b), reflect.Zero(errorType)}
}

// valueOf returns an event, nil if the function takes none.
func valueOf(event reflect.Value) any {
	if !event.IsValid() {
		return nil
	}
	return event.Interface()
}

// bytesHandler serves the invocations of a lambda.Handler, whose responses are not closed.
type bytesHandler struct {
	*instrument
	next   lambda.Handler
	reader *trigger.Reader
}

// Invoke implements lambda.Handler.
func (h *bytesHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	inv := new(invocation)
	ctx = h.begin(inv, ctx, func() trigger.Cause { return h.reader.Raw(payload) }, func() any { return payload })
	defer inv.onPanic(&inv.returned)
	out, err := h.next.Invoke(ctx, payload)
	inv.returned = true
	if err != nil {
		inv.finishError(err)
		return out, err
	}
	inv.recordResult(func() trigger.Response { return h.reader.RawResponse(out) }, len(out))
	refused := len(out) > maxResponse
	inv.failed.Store(refused)
	inv.endSpan()
	inv.finishWithoutClose(refused)
	return out, nil
}
