package otlp

import (
	"context"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"go.uber.org/goleak"
)

type commonValue = commonpb.AnyValue

var noParent = context.Background()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
