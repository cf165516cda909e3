package handler

import (
	"context"
	"io"
	"reflect"
)

// call is one call of a funcHandler: what it needs beside the invocation is in the same piece of memory. The values that
// go through reflection are fields of the very type that is asked for, since a conversion to an interface costs more than all
// else here does.
type call struct {
	invocation
	given    context.Context // with the span, for the user's function
	encoded  jsonReader
	room     [64]byte // for the first of what is encoded
	body     body
	response io.Reader // &body
	results  [2]reflect.Value
}

// respond returns what aws-lambda-go is to post.
func (c *call) respond(out responseReader) []reflect.Value {
	c.body.take(&c.invocation, out)
	c.response = &c.body
	c.results = [...]reflect.Value{reflect.ValueOf(&c.response).Elem(), noError}
	return c.results[:]
}
