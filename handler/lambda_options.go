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

// The results of the probe handler, in the two forms in which they can be encoded.
const (
	probeValue   = "<epilogue probe>"
	probeEscaped = `\u003cepilogue probe\u003e`
)

// encodingOf returns the effect of opts on results. A lambda.Option writes to a struct that only aws-lambda-go can
// read. So encodingOf applies the options to a handler that returns a known value, and reads the settings off its
// output. It makes that handler without the options: lambda.NewHandlerWithOptions would act on lambda.WithEnableSIGTERM
// immediately.
func encodingOf(opts []lambda.Option) encoding {
	h := lambda.NewHandler(func() (map[string]string, error) { return map[string]string{"p": probeValue}, nil })
	applyOptions(h, opts)
	out, err := h.Invoke(context.Background(), []byte("null"))
	if err != nil {
		return encoding{}
	}
	return readEncoding(string(out))
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
