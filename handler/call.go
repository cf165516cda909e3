package handler

import (
	"context"
	"io"
	"reflect"
)

// call is one call of a funcHandler, in one allocation. The values that go through reflection are fields of exactly the
// type that is needed: a conversion to an interface would be the largest cost here.
type call struct {
	invocation
	userCtx  context.Context // with the span, for the user's function
	encoded  jsonReader
	buffer   [64]byte // for the beginning of the encoded result
	body     body
	response io.Reader // &body
	results  [2]reflect.Value
}

// respond returns the results for aws-lambda-go.
func (c *call) respond(out responseReader) []reflect.Value {
	c.body.take(&c.invocation, out)
	c.response = &c.body
	c.results = [...]reflect.Value{reflect.ValueOf(&c.response).Elem(), noError}
	return c.results[:]
}
