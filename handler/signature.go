package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	readerType  = reflect.TypeFor[io.Reader]()
	errorType   = reflect.TypeFor[error]()
)

// signature is a handler function as aws-lambda-go understands it.
type signature struct {
	fn           reflect.Value
	takesContext bool
	event        reflect.Type // the type of the decoded payload; nil if it is not decoded
}

// signatureOf reads fn by the rules of lambda.Start. The error tells why aws-lambda-go would not call fn.
func signatureOf(fn any) (signature, error) {
	if fn == nil {
		return signature{}, errors.New("the handler is nil")
	}
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func {
		return signature{}, fmt.Errorf("the handler is a %T, not a function", fn)
	}
	if v.IsNil() {
		return signature{}, fmt.Errorf("the handler is a nil %T", fn)
	}
	s := signature{fn: v}
	t := v.Type()
	if !s.readArguments(t) {
		return s, fmt.Errorf("%s takes other arguments than a context.Context and an event", t)
	}
	if n := t.NumOut(); n > 2 || n > 0 && !t.Out(n-1).Implements(errorType) {
		return s, fmt.Errorf("%s returns other values than a result and an error", t)
	}
	return s, nil
}

// readArguments sets the arguments of s. It reports false if aws-lambda-go would not pass such arguments.
func (s *signature) readArguments(t reflect.Type) bool {
	switch t.NumIn() {
	case 0:
		return true
	case 1:
		if in := t.In(0); in.Kind() != reflect.Interface || in.NumMethod() == 0 {
			s.event = in
			return true
		}
		s.takesContext = isContext(t.In(0))
		return s.takesContext
	case 2:
		s.takesContext, s.event = isContext(t.In(0)), t.In(1)
		return s.takesContext
	default:
		return false
	}
}

// isContext reports whether t is context.Context or an interface of the same methods.
func isContext(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && contextType.Implements(t) && t.Implements(contextType)
}

// call calls the function and returns its result, nil if it has none, or its error. A nil pointer of an error type
// counts as an error, as for aws-lambda-go.
func (s *signature) call(ctx *context.Context, event reflect.Value) (any, error) {
	var args [2]reflect.Value
	in := args[:0]
	if s.takesContext {
		in = append(in, reflect.ValueOf(ctx).Elem())
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
