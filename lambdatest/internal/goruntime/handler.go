package goruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

// handlerFunc is a function with its event not yet decoded and its result encoded.
type handlerFunc func(ctx context.Context, payload []byte) (io.Reader, error)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// adapt makes a handlerFunc of any handler that lambda.Start accepts. Another value becomes a function that fails
// each invocation, as there.
func adapt(fn any) handlerFunc {
	if h, ok := fn.(lambda.Handler); ok {
		return func(ctx context.Context, payload []byte) (io.Reader, error) {
			b, err := h.Invoke(ctx, payload)
			if err != nil {
				return nil, err
			}
			return bytes.NewBuffer(b), nil
		}
	}
	takesContext, takesEvent, err := inspect(fn)
	if err != nil {
		return func(context.Context, []byte) (io.Reader, error) { return nil, err }
	}
	value := reflect.ValueOf(fn)
	return func(ctx context.Context, payload []byte) (io.Reader, error) {
		var args []reflect.Value
		if takesContext {
			args = append(args, reflect.ValueOf(ctx))
		}
		if takesEvent {
			event := reflect.New(value.Type().In(len(args)))
			if err := json.NewDecoder(bytes.NewReader(payload)).Decode(event.Interface()); err != nil {
				return nil, err
			}
			args = append(args, event.Elem())
		}
		return encode(value.Call(args))
	}
}

// inspect returns the arguments of a handler, or an error if it is none.
func inspect(fn any) (takesContext, takesEvent bool, err error) {
	if fn == nil {
		return false, false, errors.New("handler is nil")
	}
	t := reflect.TypeOf(fn)
	if t.Kind() != reflect.Func {
		return false, false, fmt.Errorf("handler kind %s is not %s", t.Kind(), reflect.Func)
	}
	if takesContext, err = inspectArguments(t); err != nil {
		return false, false, err
	}
	switch n := t.NumOut(); {
	case n > 2:
		return false, false, errors.New("handler may not return more than two values")
	case n == 2 && !t.Out(1).Implements(errorType):
		return false, false, errors.New("handler returns two values, but the second does not implement error")
	case n == 1 && !t.Out(0).Implements(errorType):
		return false, false, errors.New("handler returns a single value, but it does not implement error")
	}
	return takesContext, t.NumIn() == 2 || t.NumIn() == 1 && !takesContext, nil
}

// inspectArguments reports whether the first of t's arguments is the context.
func inspectArguments(t reflect.Type) (takesContext bool, err error) {
	isContext := func(in reflect.Type) bool {
		return in.Kind() == reflect.Interface && contextType.Implements(in) && in.Implements(contextType)
	}
	switch t.NumIn() {
	case 0:
		return false, nil
	case 1:
		in := t.In(0)
		if in.Kind() != reflect.Interface || in.NumMethod() == 0 || isContext(in) {
			return isContext(in), nil
		}
		return false, fmt.Errorf("handler takes an interface, but it is not context.Context: %q", in.Name())
	case 2:
		if isContext(t.In(0)) {
			return true, nil
		}
		return false, fmt.Errorf("handler takes two arguments, but the first is not Context. got %s", t.In(0).Kind())
	}
	return false, fmt.Errorf("handlers may not take more than two arguments, but handler takes %d", t.NumIn())
}

// encode makes the response of a handler's results: JSON, except for a reader without JSON of its own.
func encode(results []reflect.Value) (io.Reader, error) {
	if n := len(results); n > 0 {
		if err, ok := results[n-1].Interface().(error); ok && err != nil {
			return nil, err
		}
	}
	var value any
	if len(results) > 1 {
		value = results[0].Interface()
	}
	reader, isReader := value.(io.Reader)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		if isReader {
			return reader, nil
		}
		return nil, err
	}
	if isReader && bytes.HasPrefix(out.Bytes(), []byte("{}")) {
		return reader, nil
	}
	out.Truncate(out.Len() - 1) // the encoder's newline
	return &jsonResponse{out}, nil
}

// jsonResponse is a response that was encoded here.
type jsonResponse struct{ bytes.Buffer }

// ContentType is the content type of the post.
func (*jsonResponse) ContentType() string { return "application/json" }

// describe is the body for an error.
func describe(err error) *messages.InvokeResponse_Error {
	//nolint:errorlint // aws-lambda-go looks at the error itself, not at wrapped errors
	if posted, ok := err.(messages.InvokeResponse_Error); ok {
		return &posted
	}
	return &messages.InvokeResponse_Error{Message: err.Error(), Type: typeName(err)}
}

// describePanic is the body for a panic.
func describePanic(reason any) *messages.InvokeResponse_Error {
	if posted, ok := reason.(messages.InvokeResponse_Error); ok {
		return &posted
	}
	return &messages.InvokeResponse_Error{Message: fmt.Sprint(reason), Type: typeName(reason), ShouldExit: true}
}

// typeName is the errorType of an error or of a panic's value.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		return t.Elem().Name()
	}
	return t.Name()
}

// marshalError encodes an error that is posted. Its parts always encode.
func marshalError(failed *messages.InvokeResponse_Error) []byte {
	body, err := json.Marshal(failed)
	if err != nil {
		return []byte(`{"errorType":"Runtime.SerializationError"}`)
	}
	return body
}
