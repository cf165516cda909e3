package trigger

import (
	"encoding/base64"
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// Response describes the HTTP response that is made of a result.
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
		text := body.Text()
		out.HasBody, out.BodySize = true, len(text)
		if o.Get("isBase64Encoded").IsTrue() {
			out.BodySize = base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(text, "=")))
		}
	}
	headers := headersOf(o.Get("multiValueHeaders").Or(o.Get("MultiValueHeaders")), o.Get("headers").Or(o.Get("Headers")))
	out.Headers = headers.capture(nil, "http.response.header.", r.settings.ResponseHeaders)
	return out
}
