package trigger

import (
	"reflect"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// Response is what a result tells about the HTTP response that is made of it.
type Response struct {
	Status   int                  // 0 if the result has none
	Headers  []attribute.KeyValue // the ones that the program asked for
	HasBody  bool                 // the body is a text of the result
	BodySize int                  // in bytes, as they are sent
}

// Response reads a result: a struct, such as the events package's, a map or a json.RawMessage with a statusCode.
func (r *Reader) Response(result any) Response { return r.response(event.Of(reflect.ValueOf(result))) }

// RawResponse reads a response's JSON text.
func (r *Reader) RawResponse(text []byte) Response { return r.response(event.JSON(text)) }

func (r *Reader) response(v event.Value) (out Response) {
	if !v.IsObject() {
		return out
	}
	// Types of streamed responses have no JSON tags.
	o := v.Select("statusCode", "StatusCode", "body", "isBase64Encoded", "headers", "multiValueHeaders", "Headers", "MultiValueHeaders")
	for _, name := range [...]string{"statusCode", "StatusCode"} {
		if n, ok := o.Get(name).Integer(); ok && n >= 100 && n <= 999 && out.Status == 0 {
			out.Status = int(n)
		}
	}
	if body := o.Get("body"); body.IsString() {
		out.HasBody, out.BodySize = true, body.TextLen()
		if o.Get("isBase64Encoded").IsTrue() {
			out.BodySize = body.Base64Len()
		}
	}
	if len(r.settings.ResponseHeaders) > 0 {
		headers := carrier{text: headerText, objects: [2]event.Value{
			o.Get("multiValueHeaders").Or(o.Get("MultiValueHeaders")), o.Get("headers").Or(o.Get("Headers")),
		}}
		for _, name := range r.settings.ResponseHeaders {
			out.Headers = appendHeader(out.Headers, "http.response.header.", name, &headers)
		}
	}
	return out
}

// appendHeader appends a header that the program asked for.
func appendHeader(attrs []attribute.KeyValue, prefix, name string, headers *carrier) []attribute.KeyValue {
	if values := headers.all(name); len(values) > 0 {
		attrs = append(attrs, attribute.StringSlice(prefix+name, values))
	}
	return attrs
}
