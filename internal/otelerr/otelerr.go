// Package otelerr lets tests take the place of OpenTelemetry's error handler, of which a process has one.
package otelerr

import (
	"log"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
)

// settle replaces otel's default error handler. The default handler delegates to the first handler ever set, even after a
// test has restored the default. Without settle, that handler would receive the errors of all later tests.
var settle = sync.OnceFunc(func() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) }))
})

// Handle calls handle with each error until the test ends. Such tests must not be parallel.
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
