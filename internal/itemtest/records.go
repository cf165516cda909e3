package itemtest

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// recorder is a log processor that keeps the records.
type recorder struct{ records []sdklog.Record }

func (*recorder) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*recorder) Shutdown(context.Context) error                         { return nil }
func (*recorder) ForceFlush(context.Context) error                       { return nil }
func (r *recorder) OnEmit(_ context.Context, record *sdklog.Record) error {
	r.records = append(r.records, record.Clone())
	return nil
}

// Records returns n records as the SDK hands them to a processor's OnEmit: of two scopes, in a span, with six
// attributes.
func Records(n int) []sdklog.Record {
	var r recorder
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(&r), sdklog.WithResource(Resource))
	loggers := []log.Logger{
		provider.Logger("example.com/a", log.WithInstrumentationVersion("1.0.0")), provider.Logger("example.com/b"),
	}
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
	for i := range n {
		var record log.Record
		record.SetTimestamp(Time)
		record.SetSeverity(log.SeverityInfo)
		record.SetSeverityText("INFO")
		record.SetBody(attribute.StringValue("price found"))
		record.AddAttributes(
			attribute.String("sku", "4711"), attribute.Int("price", 1999), attribute.String("currency", "EUR"),
			attribute.Bool("cached", true), attribute.Float64("seconds", 0.018),
			attribute.String("url.full", "https://prices.example.com/prices/4711"))
		loggers[i/8%2].Emit(ctx, record)
	}
	return r.records
}

// Record returns a record as the SDK makes it, with change applied.
func Record(
	res *resource.Resource, scope instrumentation.Scope, change func(*sdklog.Record), options ...sdklog.LoggerProviderOption,
) sdklog.Record {
	var r recorder
	options = append([]sdklog.LoggerProviderOption{
		sdklog.WithProcessor(&r), sdklog.WithResource(res), sdklog.WithAllowKeyDuplication(),
		sdklog.WithAttributeCountLimit(-1), sdklog.WithAttributeValueDepthLimit(-1),
	}, options...)
	logger := sdklog.NewLoggerProvider(options...).Logger(scope.Name, log.WithInstrumentationVersion(scope.Version),
		log.WithSchemaURL(scope.SchemaURL), log.WithInstrumentationAttributes(scope.Attributes.ToSlice()...))
	logger.Emit(context.Background(), log.Record{})
	record := &r.records[0]
	record.SetObservedTimestamp(time.Time{})
	change(record)
	return *record
}

// Fill sets every field of r.
func Fill(r *sdklog.Record) {
	r.SetTimestamp(Time)
	r.SetObservedTimestamp(Time.Add(time.Millisecond))
	r.SetEventName("order.refused")
	r.SetSeverity(log.SeverityWarn2)
	r.SetSeverityText("WARN")
	r.SetBody(attribute.StringValue("no such sku"))
	r.SetTraceID(trace.TraceID{1, 15: 2})
	r.SetSpanID(trace.SpanID{3, 7: 4})
	r.SetTraceFlags(trace.FlagsSampled)
	r.SetAttributes(attribute.String("sku", "4711"), attribute.Int("line", 7))
}
