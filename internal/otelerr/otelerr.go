// Package otelerr lets tests take the place of OpenTelemetry's error handler, of which a process has one.
package otelerr

import (
	"log"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
)

// settle puts a handler of no test in the default's place. The default one passes everything on to the first that does
// so, for ever, even when it is put back: a test's handler that flushed had its SDK flushed by the reports of the tests
// after it, and `-shuffle` decided which those were.
var settle = sync.OnceFunc(func() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) }))
})

// Handle has handle called with each error until the test ends. Such tests must not be parallel.
func Handle(t testing.TB, handle func(error)) {
	t.Helper()
	settle()
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(handle))
	t.Cleanup(func() { otel.SetErrorHandler(before) })
}

// Discard has errors go nowhere until the test ends.
func Discard(t testing.TB) {
	t.Helper()
	Handle(t, func(error) {})
}

// Collect returns what lists the texts of the errors that have come since, until the test ends.
func Collect(t testing.TB) (texts func() []string) {
	t.Helper()
	var mu sync.Mutex
	var errs []string
	Handle(t, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err.Error())
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(errs)
	}
}
