package strategies

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write docs/strategies.md anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
