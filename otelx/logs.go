package otelx

import (
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/spill"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
	"github.com/epilogue-go/epilogue/otelx/internal/logs"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
)

// LogsOption configures [WithLogs].
type LogsOption = config.LogsOption

// WithLogs switches logs on: [SDK.LoggerProvider] is the global logger provider of OpenTelemetry, for bridges such as contrib's
// otelslog. Log records wait in a queue of their own, and leave with the spans. An [ExportOption] among opts is for logs alone.
//
// The exporter lambda, which awslambda.Defaults chooses in Lambda if no OTLP endpoint for logs is set, writes each record as a
// line of JSON on standard output before its emission returns. The line has timestamp, level, message, requestId (if the record's
// context is that of an invocation under handler.Wrap), trace_id, span_id and the attributes. AWS_LAMBDA_LOG_LEVEL is the least
// level of these lines, and of no other exporter. A line of more than 60,000 bytes is cut. A line that is not written within 100
// ms is dropped and counted.
//
// If the process's log is a bridge, as after slog.SetDefault(otelslog.NewLogger(name)), the reports of otel.Handle become log
// records too. Those of the SDK are on standard error as well, at most one a minute and kind, so that a backend that
// refuses log records does not hide its own failure.
//
// Environment: OTEL_LOGS_EXPORTER, a list of otlp (default), lambda, console (standard output, one line of OTLP JSON for each
// record) and none; OTEL_EXPORTER_OTLP_LOGS_*, otherwise OTEL_EXPORTER_OTLP_*; OTEL_BLRP_MAX_QUEUE_SIZE (2048),
// OTEL_BLRP_MAX_EXPORT_BATCH_SIZE (512), OTEL_BLRP_SCHEDULE_DELAY (1000) and OTEL_BLRP_EXPORT_TIMEOUT (30000), the latter two in
// milliseconds; the limits of [WithLogLimits]. Without WithLogs one of them is an error.
func WithLogs(opts ...LogsOption) Option { return config.WithLogs(newLogs, opts) }

// WithLogLimits limits the attributes of a log record: how many it has, and the characters of a string among them. A negative
// number is no limit.
//
// Environment: OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT, otherwise OTEL_ATTRIBUTE_COUNT_LIMIT, default 128, and
// OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT, otherwise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, default none.
func WithLogLimits(attributes, valueLength int) LogsOption {
	return config.SetLogs(func(c *config.Logs) { c.AttributeCount, c.AttributeValueLength = &attributes, &valueLength })
}

// newLogs builds the logger provider, and a queue for each exporter.
func newLogs(b *pipeline.Builder, all *config.Config, s config.Flusher) (*pipeline.Signal, log.LoggerProvider) {
	c := &all.Logs
	signal := &pipeline.Signal{Name: delivery.Logs}
	opts := []sdklog.LoggerProviderOption{
		sdklog.WithResource(all.Resource),
		sdklog.WithAttributeCountLimit(*c.AttributeCount),
		sdklog.WithAttributeValueLengthLimit(*c.AttributeValueLength),
	}
	for _, exporter := range c.Exporters {
		opts = append(opts, sdklog.WithProcessor(newLogProcessor(b, c, signal, exporter, s)))
	}
	loggers := hiding(func() log.LoggerProvider { return sdklog.NewLoggerProvider(opts...) })
	otel.SetLoggerProvider(loggers)
	return signal, loggers
}

// newLogProcessor adds the queue of one exporter to signal.
func newLogProcessor(b *pipeline.Builder, c *config.Logs, signal *pipeline.Signal, exporter string, s config.Flusher) sdklog.Processor {
	settings := b.QueueConfig(delivery.Logs, &c.Export)
	if exporter == config.Lambda {
		lines := logs.NewLines(settings.DropError)
		signal.Queues = append(signal.Queues, lines)
		return logs.NewLambda(os.Stdout, c.LambdaLevel, lines, s)
	}
	var q *logs.Queue
	if exporter == config.Console {
		q = delivery.NewItemQueue(b.ItemEngine(), settings, encoding.NewConsole(os.Stdout, otlp.NewLogLineEncoder(), 1))
	} else {
		q = delivery.NewQueue(b.Engine(delivery.Logs, &c.Export), settings, logs.NewEncoder(c.Limits.ResourceBytes))
	}
	signal.Queues = append(signal.Queues, q)
	signal.Spills = append(signal.Spills, spiller.Of(q, settings.Items, func() spill.Encoder[sdklog.Record] { return otlp.NewLogLineEncoder() }))
	return logs.NewProcessor(q, s, b.Handler.RecordQueued)
}
