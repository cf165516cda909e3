package config

import (
	"strings"
	"testing"
)

// settingKeys are the variables that Resolve reads, except those of the resource.
var settingKeys = []string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
	"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
	"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY",
	samplerKey, samplerArgKey, propagatorsKey, exporterKey, "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
	"EPILOGUE_MAX_REQUEST_SIZE", "EPILOGUE_MAX_QUEUE_BYTES", "EPILOGUE_MAX_RESPONSE_SIZE", "EPILOGUE_MAX_CONCURRENT_REQUESTS", spillKey, spillBytesKey,
}

// FuzzEnvironment sets one variable to anything. The settings are usable, and each error begins with the variable's name and
// fits a line.
func FuzzEnvironment(f *testing.F) {
	for _, value := range []string{
		"", "http://c:4318", "none", "traceidratio", "0.25", "NaN", "a=b,c=%zz", "gzip", "grpc", "5s", "-1", "99999999999999999999", "b3,,baggage",
		"/etc/hostname", "\xff", "collector:4318", "1e-400",
	} {
		for key := range settingKeys {
			f.Add(uint(key), value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint, value string) {
		key := settingKeys[which%uint(len(settingKeys))]
		if strings.Contains(key, "CERTIFICATE") || strings.Contains(key, "CLIENT_KEY") {
			value += "\x00" // names no file of this machine
		}
		vars := map[string]string{key: value}
		if key == samplerArgKey {
			vars[samplerKey] = "traceidratio"
		}
		c := Resolve(func(key string) string { return vars[key] }, nil)
		if c.Traces.Sampler == nil || c.Propagator == nil || c.Resource == nil {
			t.Errorf("%s=%q: no sampler, propagator or resource", key, value)
		}
		if c.Traces.Exports() && (c.Traces.QueueSize < 1 || c.Traces.BatchSize < 1 || c.Traces.BatchSize > c.Traces.QueueSize || c.Traces.RequestBytes < LeastRequestBytes ||
			c.Traces.QueueBytes < LeastQueueBytes || *c.Traces.ScheduleDelay < 0 || *c.Traces.ExportTimeout < 0) {
			t.Errorf("%s=%q: %+v", key, value, c)
		}
		if (c.Traces.Exporter != nil || c.Traces.Endpoint == nil) && key != exporterKey {
			t.Errorf("%s=%q: no destination, or two", key, value)
		}
		for _, err := range c.Errs {
			if text := err.Error(); !strings.HasPrefix(text, key) || len(text) > 2000 || strings.ContainsAny(text, "\n\x00") {
				t.Errorf("%s=%q: error %q", key, value, text)
			}
		}
	})
}
