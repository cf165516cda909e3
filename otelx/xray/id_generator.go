package xray

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// IDGenerator generates trace IDs that begin with the seconds since 1970, as X-Ray's own SDKs and services do, for
// otelx.WithIDGenerator. X-Ray accepts the SDK's IDs too (AWS X-Ray API Reference, "PutTraceSegments"). The other 12 bytes and
// span IDs are random.
//
// IDs are unique but not secret: they come from the runtime's generator, like the SDK's. The zero value is ready to use by many
// goroutines at once.
type IDGenerator struct{}

// NewIDs returns the IDs of a new trace and of its first span. Neither is zero.
func (g IDGenerator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:4], uint32(time.Now().Unix()))
	binary.NativeEndian.PutUint32(id[4:8], rand.Uint32())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID returns the ID of a new span, which is not zero.
func (IDGenerator) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var id trace.SpanID
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
