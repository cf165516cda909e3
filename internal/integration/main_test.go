package integration

import (
	"flag"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/harness"
)

func TestMain(m *testing.M) {
	harness.Main()
	if err := flag.Set("test.parallel", "4"); err != nil { // children mostly wait; the command line still wins
		panic(err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of functions in memory; children write to their own stderr
	goleak.VerifyTestMain(m)
}
