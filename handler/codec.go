package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// codec holds aws-lambda-go's settings for encoding results and decoding events. The zero value is its default.
type codec struct {
	escapeHTML             bool
	indentPrefix, indentBy string
	useNumber              bool
	disallowUnknownFields  bool
}

// codecOf returns the settings of opts. A lambda.Option writes to a struct that only aws-lambda-go can read. So codecOf
// applies the options to handlers of its own and looks at the results.
func codecOf(opts []lambda.Option) (c codec) {
	const probe = "epilogue probe"
	try := func(fn any, payload string) (string, error) {
		h := lambda.NewHandler(fn) // NewHandlerWithOptions would act on lambda.WithEnableSIGTERM immediately
		applyOptions(h, opts)
		out, err := h.Invoke(context.Background(), []byte(payload))
		return string(out), err
	}
	_, err := try(func(struct{}) error { return nil }, `{"unknown":1}`)
	c.disallowUnknownFields = err != nil
	out, _ := try(func(v any) ([]string, error) {
		_, c.useNumber = v.(json.Number)
		return []string{"<" + probe}, nil
	}, "1")
	// The result is ["<probe"] or, indented, "[\n" prefix indent `"<probe"` "\n" prefix "]\n".
	head, tail, _ := strings.Cut(out, probe+`"`)
	head, c.escapeHTML = strings.CutSuffix(head, `"\u003c`)
	if head, ok := strings.CutPrefix(strings.TrimSuffix(head, `"<`), "[\n"); ok {
		c.indentPrefix = strings.TrimSuffix(strings.TrimPrefix(tail, "\n"), "]\n")
		c.indentBy = strings.TrimPrefix(head, c.indentPrefix)
	}
	return c
}

// applyOptions applies opts to h. The type that they take has no name outside its package; type inference needs none.
func applyOptions[T any, O ~func(T)](h any, opts []O) {
	target, ok := h.(T)
	if !ok {
		return
	}
	for _, o := range opts {
		if o != nil {
			o(target)
		}
	}
}

// jsonReader reads an encoded result.
type jsonReader struct{ bytes.Buffer }

// ContentType is called by aws-lambda-go.
func (*jsonReader) ContentType() string { return "application/json" }

// encode encodes a result to out by aws-lambda-go's rules, as JSON. A reader that does not encode, or encodes to an
// empty object, is the response itself, and encode returns it. An indented result keeps the encoder's trailing newline,
// any other loses it.
func (c codec) encode(result any, out *jsonReader) (stream io.Reader, err error) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(c.escapeHTML)
	enc.SetIndent(c.indentPrefix, c.indentBy)
	err = enc.Encode(result)
	if r, ok := result.(io.Reader); ok && (err != nil || bytes.HasPrefix(out.Bytes(), []byte("{}"))) {
		return r, nil //nolint:nilerr // that it does not encode makes it a stream
	}
	if err == nil && c.indentPrefix == "" && c.indentBy == "" {
		out.Truncate(out.Len() - 1)
	}
	return nil, err
}

// rawEvent is the argument type that aws-lambda-go sees if Wrap needs the JSON text of the event: one value, which the
// decoder has found well formed.
type rawEvent struct{ text []byte }

var rawEventType = reflect.TypeFor[rawEvent]()

// UnmarshalJSON keeps a copy, as json.Unmarshaler requires.
func (e *rawEvent) UnmarshalJSON(text []byte) error {
	e.text = bytes.Clone(text)
	return nil
}

// decode decodes an event as aws-lambda-go does.
func (c codec) decode(text []byte, event reflect.Type) (reflect.Value, error) {
	v := reflect.New(event)
	decoder := json.NewDecoder(bytes.NewReader(text))
	if c.useNumber {
		decoder.UseNumber()
	}
	if c.disallowUnknownFields {
		decoder.DisallowUnknownFields()
	}
	err := decoder.Decode(v.Interface())
	return v.Elem(), err
}
