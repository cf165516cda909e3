package matrix

import (
	"flag"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/harness"
)

func init() {
	harness.Programs["matrix"] = func(p harness.Process) {
		go logDelays(p)
		harness.Programs["function"](p)
	}
}

func TestMain(m *testing.M) {
	harness.Main()
	// Children mostly wait. The command line still wins.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
