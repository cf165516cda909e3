package trigger

import (
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Response is what a result tells of the HTTP response that is made of it.
type Response struct {
	Status     int // 0 where it names none
	Attributes []attribute.KeyValue
}

// Response reads a result: a struct, such as the events package's, a map or a json.RawMessage with a statusCode.
func (r *Reader) Response(result any) Response {
	v := r.shapes.typedValue(reflect.ValueOf(result))
	return r.response(v)
}

// RawResponse reads a response's JSON text.
func (r *Reader) RawResponse(text []byte) Response { return r.response(r.shapes.rawValue(text)) }

func (r *Reader) response(v value) (out Response) {
	if !v.isObject() {
		return out
	}
	// Types of streamed responses have no tags, and no encoding that would need them.
	var status, streamedStatus, headers, multi, streamedHeaders, streamedMulti value
	v.pick(field{"statusCode", &status}, field{"headers", &headers}, field{"multiValueHeaders", &multi},
		field{"StatusCode", &streamedStatus}, field{"Headers", &streamedHeaders}, field{"MultiValueHeaders", &streamedMulti})
	for _, candidate := range []value{status, streamedStatus} {
		if n, ok := candidate.integer(); ok && n >= 100 && n <= 999 && out.Status == 0 {
			out.Status = int(n)
		}
	}
	if out.Status != 0 {
		out.Attributes = append(out.Attributes, semconv.HTTPResponseStatusCode(out.Status))
	}
	for _, name := range r.settings.ResponseHeaders {
		for _, c := range []carrier{{objects: [2]value{headers, multi}}, {objects: [2]value{streamedHeaders, streamedMulti}}} {
			if values := c.all(name); len(values) > 0 {
				out.Attributes = append(out.Attributes, attribute.StringSlice("http.response.header."+strings.ToLower(name), values))
				break
			}
		}
	}
	return out
}
