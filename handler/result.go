package handler

import (
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// responseSize is the size in bytes of what the Runtime API gets, where that is no HTTP response whose body could be told
// apart. OpenTelemetry's conventions have no attribute for it.
const responseSize = attribute.Key("epilogue.response.size")

// recordResult records what a result says of itself: of an HTTP event's what it tells of the response, of any other
// that was encoded its size. What is streamed tells its size when it has been read.
func (inv *invocation) recordResult(read func() trigger.Response, out responseReader) {
	if inv.http {
		var r trigger.Response
		inv.safely(func() { r = read() })
		if r.Status != 0 {
			inv.recordStatus(r.Status)
		}
		if len(r.Headers) > 0 {
			inv.safely(func() { inv.span.SetAttributes(r.Headers...) })
		}
		if r.HasBody && !out.streamed {
			inv.safely(func() { inv.span.SetAttributes(semconv.HTTPResponseBodySize(r.BodySize)) })
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
