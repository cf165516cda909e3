package loglines

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC)

// capture is a processor that keeps the last record.
type capture struct{ record sdklog.Record }

func (c *capture) OnEmit(_ context.Context, r *sdklog.Record) error {
	c.record = r.Clone()
	return nil
}

func (*capture) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*capture) Shutdown(context.Context) error                         { return nil }
func (*capture) ForceFlush(context.Context) error                       { return nil }

// draft is a record before it goes through an SDK without limits.
type draft struct {
	severity  log.Severity
	body      attribute.Value
	event     string
	attrs     []attribute.KeyValue
	traced    bool
	timestamp time.Time
}

func (d draft) record() *sdklog.Record {
	c := &capture{}
	provider := sdklog.NewLoggerProvider(
		sdklog.WithProcessor(c), sdklog.WithAttributeCountLimit(-1), sdklog.WithAllowKeyDuplication(),
	)
	ctx := context.Background()
	if d.traced {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1, 15: 2}, SpanID: trace.SpanID{3, 7: 4},
		}))
	}
	var r log.Record
	r.SetTimestamp(d.timestamp)
	r.SetObservedTimestamp(noon)
	r.SetSeverity(d.severity)
	r.SetBody(d.body)
	r.SetEventName(d.event)
	r.AddAttributes(d.attrs...)
	provider.Logger("test").Emit(ctx, r)
	return &c.record
}
