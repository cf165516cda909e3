package handler

import (
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/version"
)

// exceptionSignal says which signals exceptions are recorded as, in the words of OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN
// (OpenTelemetry semantic conventions, "Exceptions"). Empty stands for events of the span.
type exceptionSignal string

const (
	exceptionLogs exceptionSignal = "logs"
	exceptionBoth exceptionSignal = "logs/dup"
)

// exceptionSignalOf reads the variable. A bad value counts as unset.
func exceptionSignalOf(getenv func(string) string) exceptionSignal {
	env := otelenv.New(getenv)
	signal := env.Choice([]string{string(exceptionLogs), string(exceptionBoth)}, "", "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN")
	for _, err := range env.Errs() {
		report(err)
	}
	return exceptionSignal(signal)
}

// recordException records an exception as an event of the span, as a log record, or as both. Without a logger that
// takes the record, for example without a logger provider, the event stays.
func (inv *invocation) recordException(attrs []attribute.KeyValue) {
	logged := inv.exceptions != "" && inv.logException(attrs)
	if !logged || inv.exceptions == exceptionBoth {
		inv.span.AddEvent(semconv.ExceptionEventName, trace.WithAttributes(attrs...))
	}
}

// logException gives a log record to OpenTelemetry's global logger provider. It reports whether the logger takes it.
func (inv *invocation) logException(attrs []attribute.KeyValue) (logged bool) {
	inv.protect(func() {
		ctx := trace.ContextWithSpan(inv.ctx, inv.span)
		logger := otel.GetLoggerProvider().Logger(scopeName,
			log.WithInstrumentationVersion(version.Version), log.WithSchemaURL(semconv.SchemaURL))
		if !logger.Enabled(ctx, log.EnabledParameters{Severity: log.SeverityError, EventName: semconv.ExceptionEventName}) {
			return
		}
		var record log.Record
		record.SetEventName(semconv.ExceptionEventName)
		record.SetTimestamp(time.Now())
		record.SetSeverity(log.SeverityError)
		record.SetSeverityText("ERROR")
		record.AddAttributes(attrs...)
		logger.Emit(ctx, record)
		logged = true
	})
	return logged
}
