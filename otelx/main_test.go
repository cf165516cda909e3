package otelx

import (
	"log"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

// OpenTelemetry's default error handler passes everything on to the first handler that takes its place, for ever, even
// when it is put back. So the first is this one, and no test's: one whose handler flushed had its SDK flushed by the
// reports of the tests after it, and `-shuffle` decided which those were.
func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) }))
	goleak.VerifyTestMain(m)
}
