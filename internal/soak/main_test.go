package soak

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/otelx"
)

// childMain, in the environment of the test binary, makes it the function of the walk with a child. It is no variable of
// the Makefile: what is given to make is in the environment of all that make runs.
const childMain = "SOAK_AS_FUNCTION"

var (
	seedFlag    = flag.Uint64("seed", 0, "of a walk; 0 walks with seed 1 and with a random one")
	virtualFlag = flag.Int("invocations", 1500, "of each walk in virtual time")
	childFlag   = flag.Int("child", 60, "invocations of the walk with a child")
)

func TestMain(m *testing.M) {
	if os.Getenv(childMain) != "" {
		thisProcess().run(func(*otelx.SDK, *agent.Agent) sdktrace.SpanProcessor { return nil })
		os.Exit(0)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of functions in memory
	goleak.VerifyTestMain(m)
}

// seeds are those of the walks to take.
func seeds() []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	return []uint64{1, rand.Uint64N(1 << 32)}
}
