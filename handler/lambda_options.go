package handler

import (
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// encoding holds aws-lambda-go's settings for encoding results. The zero value is its default.
type encoding struct {
	escapeHTML             bool
	indentPrefix, indentBy string
}

// indented reports whether aws-lambda-go keeps the trailing newline of the encoder.
func (e encoding) indented() bool { return e.indentPrefix != "" || e.indentBy != "" }

// What the probe handler returns, in the two forms it can be encoded to.
const (
	probeValue   = "<epilogue probe>"
	probeEscaped = `\u003cepilogue probe\u003e`
)

// encodingOf finds out what opts do to results. A lambda.Option writes to a struct that only aws-lambda-go can read,
// so they are applied to a handler that returns a known value, and the settings are read off its output. That
// handler is made without them: lambda.NewHandlerWithOptions would act on lambda.WithEnableSIGTERM at once.
func encodingOf(opts []lambda.Option) encoding {
	h := lambda.NewHandler(func() (map[string]string, error) { return map[string]string{"p": probeValue}, nil })
	applyOptions(h, opts)
	out, err := h.Invoke(context.Background(), []byte("null"))
	if err != nil {
		return encoding{}
	}
	return readEncoding(string(out))
}

// applyOptions lets opts write to h, whose type is what they take. The type has no name outside its package; type
// inference needs none.
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

// readEncoding takes apart `{"p":"…"}` or, indented, "{\n" prefix indent `"p": "…"` "\n" prefix "}\n".
func readEncoding(out string) encoding {
	e := encoding{escapeHTML: strings.Contains(out, probeEscaped)}
	head, ok := strings.CutPrefix(out, "{\n")
	if !ok {
		return e
	}
	value := probeValue
	if e.escapeHTML {
		value = probeEscaped
	}
	head, tail, _ := strings.Cut(head, `"p": "`+value+"\"\n")
	e.indentPrefix = strings.TrimSuffix(tail, "}\n")
	e.indentBy = strings.TrimPrefix(head, e.indentPrefix)
	return e
}
