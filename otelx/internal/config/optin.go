package config

import (
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// checkOptIn adds an error about the variables of a signal that is off. exporterKey is the one that may be none.
func (r *resolver) checkOptIn(s otelenv.Signal, option, exporterKey string, others ...string) {
	exporter, value := r.env.Lookup(exporterKey)
	if strings.EqualFold(value, none) {
		return
	}
	var set []string
	if exporter != "" {
		set = append(set, exporter)
	}
	for _, name := range []string{"ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "PROTOCOL", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		others = append(others, s.Keys(name)[0])
	}
	for _, key := range others {
		if found, _ := r.env.Lookup(key); found != "" {
			set = append(set, found)
		}
	}
	if set != nil {
		r.env.Fail(fmt.Errorf("%s: set, but %s are off (add otelx.%s to otelx.New, or remove the variables)",
			strings.Join(set, ", "), strings.ToLower(string(s)), option))
	}
}

// checkOptIns adds an error about each signal that is off although its variables are set.
func (r *resolver) checkOptIns(c *Config) {
	if c.Metrics.On == nil {
		r.checkOptIn(otelenv.Metrics, "WithMetrics()", metricsExporterKey, intervalKey, "OTEL_METRIC_EXPORT_TIMEOUT", exemplarFilterKey,
			otelenv.Metrics.Keys(temporalityName)[0], otelenv.Metrics.Keys(histogramName)[0],
			collectionKey, namespaceKey, dimensionsKey, maxSeriesKey)
	}
	if c.Logs.On == nil {
		r.checkOptIn(otelenv.Logs, "WithLogs()", logsExporterKey, "OTEL_BLRP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
			"OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_EXPORT_TIMEOUT",
			"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")
	}
}
