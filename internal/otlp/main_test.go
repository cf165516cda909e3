package otlp

import (
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"go.uber.org/goleak"
)

type commonValue = commonpb.AnyValue

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
