package config

import (
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// The variables of metrics and logs besides those of OTLP; the first may be none.
const (
	metricsKeys = metricsExporterKey + " " + intervalKey + " OTEL_METRIC_EXPORT_TIMEOUT " + exemplarFilterKey + " " +
		collectionKey + " " + namespaceKey + " " + dimensionsKey + " " + maxSeriesKey + " " + faasMetricsKey
	logsKeys = logsExporterKey + " OTEL_BLRP_MAX_QUEUE_SIZE OTEL_BLRP_MAX_EXPORT_BATCH_SIZE OTEL_BLRP_SCHEDULE_DELAY " +
		"OTEL_BLRP_EXPORT_TIMEOUT OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"
	otlpNames = "ENDPOINT HEADERS TIMEOUT COMPRESSION PROTOCOL CERTIFICATE CLIENT_CERTIFICATE CLIENT_KEY " +
		temporalityName + " " + histogramName
)

// checkOptIns adds an error about each signal that is off although its variables are set.
func (r *resolver) checkOptIns(c *Config) {
	if c.Metrics.On == nil {
		r.checkOptIn(otelenv.Metrics, "WithMetrics", metricsKeys)
	}
	if c.Logs.On == nil {
		r.checkOptIn(otelenv.Logs, "WithLogs", logsKeys)
	}
}

func (r *resolver) checkOptIn(s otelenv.Signal, option, keys string) {
	all := strings.Fields(keys)
	if _, value := r.env.Lookup(all[0]); strings.EqualFold(value, none) {
		return
	}
	for _, name := range strings.Fields(otlpNames) {
		all = append(all, s.Keys(name)[0])
	}
	var set []string
	for _, key := range all {
		if found, _ := r.env.Lookup(key); found != "" {
			set = append(set, found)
		}
	}
	if len(set) > 0 {
		r.env.Fail(fmt.Errorf("%s: set, but %s are off (add otelx.%s() to otelx.New, or remove the variables)",
			strings.Join(set, ", "), strings.ToLower(string(s)), option))
	}
}
