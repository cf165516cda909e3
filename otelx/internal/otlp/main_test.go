package otlp

import (
	"context"
	"os"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"go.uber.org/goleak"
)

type commonValue = commonpb.AnyValue

var noParent = context.Background()

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(sendVar); endpoint != "" {
		sendAndPrint(endpoint)
		return
	}
	goleak.VerifyTestMain(m)
}
