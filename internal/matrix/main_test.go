package matrix

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// childMain says, in the environment of a child process, that it is the function: the test binary runs itself.
const childMain = "MATRIX_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(childMain) != "" {
		serve()
		os.Exit(0)
	}
	// Children mostly wait. The command line still beats this.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
