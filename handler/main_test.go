package handler_test

import (
	"log"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

// OpenTelemetry's default error handler passes everything on to the first that takes its place, for ever, even when it
// is put back. So the first is this one, and no test's.
func TestMain(m *testing.M) {
	if os.Getenv(childJobs) != "" {
		runChild()
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) }))
	goleak.VerifyTestMain(m)
}
