package handler

import (
	"bytes"
	"encoding/json"
	"io"
)

// responseReader is the response to post: a result that was encoded here, or the user's own reader.
type responseReader struct {
	io.Reader
	streamed bool // the user's own
	size     int  // in bytes, if it was encoded here
}

// jsonReader reads an encoded result.
type jsonReader struct{ bytes.Buffer }

// ContentType is called by aws-lambda-go.
func (*jsonReader) ContentType() string { return "application/json" }

// response encodes a result to out by aws-lambda-go's rules, as JSON. A reader that does not encode, or encodes to an
// empty object, is the response itself. An indented result keeps the encoder's trailing newline, any other loses it.
func (e encoding) response(result any, out *jsonReader) (responseReader, error) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(e.escapeHTML)
	enc.SetIndent(e.indentPrefix, e.indentBy)
	err := enc.Encode(result)
	if r, ok := result.(io.Reader); ok && (err != nil || bytes.HasPrefix(out.Bytes(), []byte("{}"))) {
		return responseReader{Reader: r, streamed: true}, nil //nolint:nilerr // that it does not encode makes it a stream
	}
	if err != nil {
		return responseReader{}, err
	}
	if !e.indented() {
		out.Truncate(out.Len() - 1)
	}
	return responseReader{Reader: out, size: out.Len()}, nil
}
