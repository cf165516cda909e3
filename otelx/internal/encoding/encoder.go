// Package encoding adapts the encoders of OTLP to the engine.
package encoding

import (
	"errors"
	"fmt"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Requests makes OTLP requests of the items of one signal; see package otlp.
type Requests[T any] interface {
	AppendRequest(dst []byte, items []T, limit int) (body []byte, n int)
	AppendReduced(dst []byte, item T, limit int) (body []byte, fits bool)
	ResourceBytes() int
}

// New returns a constructor of encoders. describe names an item in errors. A resource and one of its scopes that have more than
// resourceBytes together (0: no limit) make a hint.
func New[T any](newRequests func() Requests[T], resourceBytes int, describe func(T) string) func() delivery.Encoder[T] {
	return func() delivery.Encoder[T] {
		return &encoder[T]{newRequests(), resourceBytes, describe}
	}
}

type encoder[T any] struct {
	requests      Requests[T]
	resourceBytes int
	describe      func(T) string
}

func (e *encoder[T]) Append(dst []byte, items []T, limit int) (body []byte, n int) {
	body, n = e.requests.AppendRequest(dst, items, limit)
	if n == 0 && len(items) == 1 {
		if body, fits := e.requests.AppendReduced(dst, items[0], limit); fits {
			return body, 1
		}
	}
	return body, n
}

func (e *encoder[T]) Describe(item T) string { return e.describe(item) }

func (e *encoder[T]) Hint() (key string, err error) {
	return ResourceHint(e.requests.ResourceBytes(), e.resourceBytes)
}

// ResourceHint returns the hint about a resource that has n bytes with one of its scopes; nil if limit is 0 or allows them.
func ResourceHint(n, limit int) (key string, err error) {
	if limit <= 0 || n <= limit {
		return "", nil
	}
	key = "the resource is too large"
	return key, errors.New(key + fmt.Sprintf(": with an instrumentation scope it has %d bytes, and the backend accepts %d "+
		"(remove attributes, for example from OTEL_RESOURCE_ATTRIBUTES)", n, limit))
}
