package handler_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childJobs) != "" {
		runChild()
	}
	goleak.VerifyTestMain(m)
}
