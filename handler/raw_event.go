package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"

	"github.com/aws/aws-lambda-go/lambda"
)

// rawEvent is the argument type that aws-lambda-go sees if Wrap needs the JSON text of the event: one value, which the
// decoder has found well formed.
type rawEvent struct{ text []byte }

var rawEventType = reflect.TypeFor[rawEvent]()

// UnmarshalJSON keeps a copy, as json.Unmarshaler requires.
func (e *rawEvent) UnmarshalJSON(text []byte) error {
	e.text = bytes.Clone(text)
	return nil
}

// decoding holds aws-lambda-go's settings for decoding events. The zero value is its default.
type decoding struct{ useNumber, disallowUnknownFields bool }

// decodingOf returns the effect of opts on events, in the same way as encodingOf.
func decodingOf(opts []lambda.Option) (d decoding) {
	number := lambda.NewHandler(func(v any) error {
		_, d.useNumber = v.(json.Number)
		return nil
	})
	applyOptions(number, opts)
	_, _ = number.Invoke(context.Background(), []byte("1"))
	unknown := lambda.NewHandler(func(struct{}) error { return nil })
	applyOptions(unknown, opts)
	_, err := unknown.Invoke(context.Background(), []byte(`{"unknown":1}`))
	d.disallowUnknownFields = err != nil
	return d
}

// decode decodes an event as aws-lambda-go does. That uses a json.Decoder, which does the same as json.Unmarshal for
// one well-formed value, but needs a buffer.
func (d decoding) decode(text []byte, event reflect.Type) (reflect.Value, error) {
	v := reflect.New(event)
	if d == (decoding{}) {
		err := json.Unmarshal(text, v.Interface())
		return v.Elem(), err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if d.useNumber {
		decoder.UseNumber()
	}
	if d.disallowUnknownFields {
		decoder.DisallowUnknownFields()
	}
	err := decoder.Decode(v.Interface())
	return v.Elem(), err
}
