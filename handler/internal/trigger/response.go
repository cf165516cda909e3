package trigger

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Response is what a result tells of the HTTP response that is made of it.
type Response struct {
	Status   int                  // 0 where it names none
	Headers  []attribute.KeyValue // those that are asked for
	HasBody  bool                 // it has a text that is the body
	BodySize int                  // in bytes, as they are sent
}

// Response reads a result: a struct, such as the events package's, a map or a json.RawMessage with a statusCode.
func (r *Reader) Response(result any) Response {
	in := &reading{shapes: &r.shapes}
	return r.response(in.value(reflect.ValueOf(result)))
}

// RawResponse reads a response's JSON text.
func (r *Reader) RawResponse(text []byte) Response {
	in := &reading{shapes: &r.shapes}
	return r.response(in.raw(text))
}

func (r *Reader) response(v value) (out Response) {
	if !v.isObject() {
		return out
	}
	// Types of streamed responses have no tags, and no encoding that would need them.
	var status, streamedStatus, body, encoded, headers, multi, streamedHeaders, streamedMulti value
	v.pick(field{name: "statusCode", into: &status}, field{name: "body", into: &body}, field{name: "isBase64Encoded", into: &encoded},
		field{name: "headers", into: &headers}, field{name: "multiValueHeaders", into: &multi},
		field{name: "StatusCode", into: &streamedStatus}, field{name: "Headers", into: &streamedHeaders}, field{name: "MultiValueHeaders", into: &streamedMulti})
	for _, candidate := range []value{status, streamedStatus} {
		if n, ok := candidate.integer(); ok && n >= 100 && n <= 999 && out.Status == 0 {
			out.Status = int(n)
		}
	}
	out.BodySize, out.HasBody = bodySize(&body, &encoded)
	for _, name := range r.settings.ResponseHeaders {
		for _, c := range []carrier{{objects: [2]value{headers, multi}}, {objects: [2]value{streamedHeaders, streamedMulti}}} {
			if values := c.all(name); len(values) > 0 {
				out.Headers = append(out.Headers, attribute.StringSlice("http.response.header."+name, values))
				break
			}
		}
	}
	return out
}

// bodySize returns the size of a body that is a text, which may be in base64.
func bodySize(body, encoded *value) (size int, ok bool) {
	size, ok = body.textLen()
	if ok && encoded.isTrue() {
		size = base64Len(body)
	}
	return size, ok
}

// textLen returns the length of a string in bytes; false for any other value.
func (v *value) textLen() (n int, ok bool) {
	switch {
	case v.raw != nil:
		return len(v.rawString()), v.quoted() != nil
	default:
		return len(v.text()), v.isString()
	}
}

// isTrue reports whether v is the bool true.
func (v *value) isTrue() bool {
	switch {
	case v.raw != nil:
		return v.raw[0] == 't'
	default:
		return v.decoded.Kind() == reflect.Bool && v.decoded.Bool()
	}
}

// base64Len is how many bytes a text in base64 stands for, padded or not.
func base64Len(body *value) (n int) {
	if body.raw != nil {
		n = len(bytes.TrimRight(body.rawString(), "="))
	} else {
		n = len(strings.TrimRight(body.text(), "="))
	}
	return base64.RawStdEncoding.DecodedLen(n)
}
