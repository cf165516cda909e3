package config

import (
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
)

const logsExporterKey = "OTEL_LOGS_EXPORTER"

// Logs are the settings of logs.
type Logs struct {
	Export

	// On builds the logger provider and its export pipeline. It is nil if logs are off. It is a function so that the
	// linker omits logs from programs without WithLogs.
	On func(b *pipeline.Builder, c *Config, flusher Flusher) (*pipeline.Signal, log.LoggerProvider)

	Exporters            []string // OTLP, Console, Lambda
	AttributeCount       *int     // of a record; negative: no limit
	AttributeValueLength *int     // in characters; negative: no limit
	LambdaLevel          string   // the value of AWS_LAMBDA_LOG_LEVEL
}

// WithLogs switches logs on, which on builds.
func WithLogs(on func(*pipeline.Builder, *Config, Flusher) (*pipeline.Signal, log.LoggerProvider), opts []LogsOption) Option {
	return option(func(b *builder) {
		b.target.Logs.On = on
		b.resolveLogs = (*resolver).logs
		ForLogs(opts...).apply(b)
	})
}

// ForLogs configures logs if they are on.
func ForLogs(opts ...LogsOption) Option {
	return option(func(b *builder) {
		for _, o := range opts {
			if o != nil {
				o.applyLogs(b)
			}
		}
	})
}

type logsOption func(*Logs)

func (o logsOption) applyLogs(b *builder) { o(&b.target.Logs) }

// SetLogs returns an option that changes the settings of logs.
func SetLogs(change func(*Logs)) LogsOption { return logsOption(change) }

// records are the settings of logs; the defaults are those of the specification, "Batch LogRecord Processor".
var records = kind{
	signal: otelenv.Logs, items: "log records",
	queueKey: "OTEL_BLRP_MAX_QUEUE_SIZE", batchKey: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
	delayKey: "OTEL_BLRP_SCHEDULE_DELAY", timeoutKey: "OTEL_BLRP_EXPORT_TIMEOUT",
	queue: 2048, batch: 512, delay: time.Second, timeout: 30 * time.Second,
}

// logs resolves the destinations and the limits of log records.
func (r *resolver) logs(c *Logs) {
	x := r.exportOf(records)
	option, preset := &r.options.Logs, &r.preset.Logs
	names := exporterNames{key: logsExporterKey, known: []string{OTLP, Lambda, Console, none}}
	c.Exporters = x.resolve(&c.Export, func(given bool) []string {
		return x.exporters(names, option.Exporters, preset.Exporters, given)
	})
	_, c.LambdaLevel = r.env.Lookup("AWS_LAMBDA_LOG_LEVEL")

	const unset = -2
	limit := func(name string) func() *int {
		return func() *int {
			if n := r.env.Int(0, otelenv.MaxInt, unset, "OTEL_LOGRECORD_"+name, "OTEL_"+name); n != unset {
				return &n
			}
			return nil
		}
	}
	c.AttributeCount = choose(option.AttributeCount, limit("ATTRIBUTE_COUNT_LIMIT"), preset.AttributeCount, new(128))
	c.AttributeValueLength = choose(option.AttributeValueLength, limit("ATTRIBUTE_VALUE_LENGTH_LIMIT"), preset.AttributeValueLength, new(-1))
}
