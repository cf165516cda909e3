package lambdatest_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childScenario names, in the environment of a child process, its function: the test binary runs itself.
const childScenario = "LAMBDATEST_SCENARIO"

// runChild is the test binary as a function; nil if this system has no such tests.
var runChild func(name string)

func TestMain(m *testing.M) {
	if name := os.Getenv(childScenario); name != "" {
		runChild(name)
	}
	goleak.VerifyTestMain(m)
}
