package xray_test

import (
	"log"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

// OpenTelemetry's default error handler passes everything on to the first handler that takes its place, for ever. So the
// first is this one, and no test's.
func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) }))
	goleak.VerifyTestMain(m)
}
