package soak

import (
	"flag"
	"math/rand/v2"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "of a run; 0 runs with seed 1 and with a random one")
	virtualFlag = flag.Int("invocations", 1500, "of each run in virtual time")
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of functions in memory
	goleak.VerifyTestMain(m)
}

// seeds are those of the runs to take.
func seeds() []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	return []uint64{1, rand.Uint64N(1 << 32)}
}
