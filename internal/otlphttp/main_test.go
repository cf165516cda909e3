package otlphttp

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(sendVar); endpoint != "" {
		sendAndPrint(endpoint)
		return
	}
	goleak.VerifyTestMain(m)
}
