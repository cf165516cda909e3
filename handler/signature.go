package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	readerType  = reflect.TypeFor[io.Reader]()
	errorType   = reflect.TypeFor[error]()

	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// signature is a handler function as aws-lambda-go understands it.
type signature struct {
	fn           reflect.Value
	takesContext bool
	event        reflect.Type // the type of the decoded payload; nil if it is not decoded
	streams      bool         // the result is a reader
}

// signatureOf reads fn by the rules of lambda.Start. The error says why aws-lambda-go would not call fn.
func signatureOf(fn any) (signature, error) {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return signature{}, fmt.Errorf("the handler is a %T that is nil or not a function", fn)
	}
	s, t := signature{fn: v}, v.Type()
	in := t.NumIn()
	s.takesContext = in > 0 && isContext(t.In(0))
	if in == 2 || in == 1 && !s.takesContext {
		s.event = t.In(in - 1)
	}
	if in > 2 || in == 2 && !s.takesContext || s.event != nil && in == 1 && isOtherInterface(s.event) {
		return s, fmt.Errorf("%s takes other arguments than a context.Context and an event", t)
	}
	out := t.NumOut()
	if out > 2 || out > 0 && !t.Out(out-1).Implements(errorType) {
		return s, fmt.Errorf("%s returns other values than a result and an error", t)
	}
	s.streams = out == 2 && t.Out(0).Implements(readerType)
	return s, nil
}

// isContext reports whether t is context.Context or an interface of the same methods.
func isContext(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && contextType.Implements(t) && t.Implements(contextType)
}

// isOtherInterface reports whether t is an interface that aws-lambda-go does not take as the only argument.
func isOtherInterface(t reflect.Type) bool { return t.Kind() == reflect.Interface && t.NumMethod() > 0 }

// call calls the function and returns its result, nil if it has none, or its error. A nil pointer of an error type
// counts as an error, as for aws-lambda-go.
func (s *signature) call(ctx context.Context, event reflect.Value) (any, error) {
	in := make([]reflect.Value, 0, 2)
	if s.takesContext {
		in = append(in, reflect.ValueOf(ctx))
	}
	if s.event != nil {
		in = append(in, event)
	}
	out := s.fn.Call(in)
	if len(out) == 0 {
		return nil, nil
	}
	if err, ok := out[len(out)-1].Interface().(error); ok {
		return nil, err
	}
	if len(out) == 1 {
		return nil, nil
	}
	return out[0].Interface(), nil
}
