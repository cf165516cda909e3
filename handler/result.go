package handler

import (
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// responseSize is the size in bytes of a response that is not an HTTP response with a known body. OpenTelemetry's
// conventions have no attribute for it.
const responseSize = attribute.Key("epilogue.response.size")

// recordResult records the status, headers and body size of an HTTP event's result, and the size of any other result
// that was encoded. The size of a stream, for which size is negative, is recorded when it has been read.
func (inv *invocation) recordResult(read func() trigger.Response, size int) {
	inv.protect(func() {
		var r trigger.Response
		if inv.http {
			r = read()
		}
		attrs := r.Headers
		if r.Status != 0 {
			attrs = inv.appendStatus(attrs, r.Status)
		}
		switch {
		case size < 0:
		case r.HasBody:
			attrs = append(attrs, semconv.HTTPResponseBodySize(r.BodySize))
		default:
			attrs = append(attrs, responseSize.Int(size))
		}
		inv.span.SetAttributes(attrs...)
	})
}

// recordStatus records an HTTP status.
func (inv *invocation) recordStatus(status int) {
	inv.protect(func() { inv.span.SetAttributes(inv.appendStatus(nil, status)...) })
}

// appendStatus adds an HTTP status. 5xx is an error of the server (OpenTelemetry HTTP conventions, "Status").
func (inv *invocation) appendStatus(attrs []attribute.KeyValue, status int) []attribute.KeyValue {
	if status >= 500 {
		inv.span.SetStatus(codes.Error, "")
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	return append(attrs, semconv.HTTPResponseStatusCode(status))
}
