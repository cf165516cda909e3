package integration

import (
	"flag"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

// childMain names, in the environment of a child process, the main it is to run: the test binary runs itself.
const childMain = "INTEGRATION_MAIN"

func TestMain(m *testing.M) {
	if name := os.Getenv(childMain); name != "" {
		mains[name](thisProcess())
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", "4"); err != nil { // children mostly wait; the command line still beats this
		panic(err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of functions in memory; children write to their own stderr
	goleak.VerifyTestMain(m)
}
