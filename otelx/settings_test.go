package otelx

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// settingKeys are the variables that otelx reads, except those of the resource.
var settingKeys = []string{
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
	"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
	"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY",
	samplerKey, samplerArgKey, propagatorsKey, "OTEL_TRACES_EXPORTER", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
	"EPILOGUE_MAX_REQUEST_SIZE", spillKey, spillBytesKey,
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
		getenv := func(key string) string { return vars[key] }
		env := otelenv.New(getenv)
		c := &config{getenv: getenv}
		x := c.resolveDestination(env)
		queue, batch := c.sizes(env)
		delay := env.Millis(time.Second, "OTEL_BSP_SCHEDULE_DELAY")
		timeout := env.Millis(time.Second, "OTEL_BSP_EXPORT_TIMEOUT")
		if readSampler(env, nil) == nil || c.resolvePropagator(env) == nil {
			t.Errorf("%s=%q: no sampler or no propagator", key, value)
		}
		if queue < 1 || batch < 1 || batch > queue || delay < 0 || timeout < 0 {
			t.Errorf("%s=%q: queue %d, batch %d, delay %v, timeout %v", key, value, queue, batch, delay, timeout)
		}
		if x.sender != nil && x.exporter != nil {
			t.Errorf("%s=%q: two destinations", key, value)
		}
		_ = readSpanLimits(env)
		for _, err := range env.Errs() {
			if text := err.Error(); !strings.HasPrefix(text, key) || len(text) > 2000 || strings.ContainsAny(text, "\n\x00") {
				t.Errorf("%s=%q: error %q", key, value, text)
			}
		}
	})
}
