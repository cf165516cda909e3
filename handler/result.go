package handler

import (
	"encoding/base64"
	"reflect"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// responseSize is the size in bytes of what the Runtime API gets, where that is no HTTP response whose body could be told
// apart. OpenTelemetry's conventions have no attribute for it.
const responseSize = attribute.Key("epilogue.response.size")

// recordResult records what a result says of itself: of an HTTP event's its status and the size of its body, of any other
// that was encoded its size. What is streamed tells its size when it has been read.
func (inv *invocation) recordResult(result any, out responseReader) {
	if inv.http {
		status, body, known := httpResult(result)
		if status != 0 {
			inv.recordStatus(status)
		}
		if known && !out.streamed {
			inv.safely(func() { inv.span.SetAttributes(semconv.HTTPResponseBodySize(body)) })
			return
		}
	}
	if !out.streamed {
		inv.recordSize(out.size)
	}
}

// recordSize records how many bytes the Runtime API gets.
func (inv *invocation) recordSize(n int) {
	inv.safely(func() { inv.span.SetAttributes(responseSize.Int(n)) })
}

// recordStatus records an HTTP status. 5xx is an error of the server (OpenTelemetry HTTP conventions, "Status").
func (inv *invocation) recordStatus(status int) {
	inv.safely(func() {
		inv.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		if status >= 500 {
			inv.span.SetStatus(codes.Error, "")
			inv.span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
		}
	})
}

// httpResult reads the fields StatusCode, Body and IsBase64Encoded, which all the events package's HTTP responses have.
// known is false where there is no Body that is a text.
func httpResult(result any) (status, body int, known bool) {
	v := reflect.Indirect(reflect.ValueOf(result))
	if v.Kind() != reflect.Struct {
		return 0, 0, false
	}
	if f := field(v, "StatusCode", reflect.Int); f.IsValid() {
		status = int(f.Int())
	}
	f := field(v, "Body", reflect.String)
	if !f.IsValid() {
		return status, 0, false
	}
	text := f.String()
	if encoded := field(v, "IsBase64Encoded", reflect.Bool); encoded.IsValid() && encoded.Bool() {
		return status, decodedLen(text), true
	}
	return status, len(text), true
}

// field returns the field of that name and kind of a struct, the zero Value where there is none, or where it lies in an
// embedded pointer that is nil.
func field(v reflect.Value, name string, kind reflect.Kind) reflect.Value {
	f, ok := v.Type().FieldByName(name)
	if !ok || f.Type.Kind() != kind {
		return reflect.Value{}
	}
	found, err := v.FieldByIndexErr(f.Index)
	if err != nil {
		return reflect.Value{}
	}
	return found
}

// decodedLen is how many bytes a text in base64 stands for, padded or not.
func decodedLen(text string) int {
	n := len(text)
	for n > 0 && text[n-1] == '=' {
		n--
	}
	return base64.RawStdEncoding.DecodedLen(n)
}
