package xray_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx/xray"
)

var _ sdktrace.IDGenerator = xray.IDGenerator{}

// TestIDsBeginWithTheTime: the seconds of the moment, the most significant byte first.
func TestIDsBeginWithTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			id, _ := xray.IDGenerator{}.NewIDs(t.Context())
			if got, want := binary.BigEndian.Uint32(id[:4]), time.Now().Unix(); int64(got) != want {
				t.Errorf("%s begins with %d, want %d", id, got, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestSpansHaveItsIDs: behind the SDK it is what makes a root's trace id.
func TestSpansHaveItsIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(xray.IDGenerator{}))
		ctx, root := provider.Tracer("test").Start(t.Context(), "root")
		_, child := provider.Tracer("test").Start(ctx, "child")
		id := root.SpanContext().TraceID()
		if got := binary.BigEndian.Uint32(id[:4]); int64(got) != time.Now().Unix() || child.SpanContext().TraceID() != id {
			t.Errorf("root in %s, child in %s at %d", id, child.SpanContext().TraceID(), time.Now().Unix())
		}
	})
}
