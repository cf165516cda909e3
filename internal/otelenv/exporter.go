package otelenv

import (
	"strings"
	"time"
)

// Signal is the part of a variable's name that says which signal it is for.
type Signal string

// The signals of OpenTelemetry.
const (
	Traces  Signal = "TRACES"
	Metrics Signal = "METRICS"
	Logs    Signal = "LOGS"
)

// Defaults of the OTLP exporter (OpenTelemetry Specification, "OpenTelemetry Protocol Exporter").
const (
	defaultOrigin  = "http://localhost:4318"
	defaultTimeout = 10 * time.Second
)

// keys returns the names of a setting of the OTLP exporter: the one of the signal, then the one for all signals.
func (s Signal) keys(name string) []string {
	return []string{"OTEL_EXPORTER_OTLP_" + string(s) + "_" + name, "OTEL_EXPORTER_OTLP_" + name}
}

// path is where an OTLP receiver takes the signal (OpenTelemetry Protocol Specification, "OTLP/HTTP Request").
func (s Signal) path() string { return "v1/" + strings.ToLower(string(s)) }

// Timeout reads OTEL_EXPORTER_OTLP_TIMEOUT, the limit of one attempt to send. The default is 10 s; 0 is no limit.
func (r *Reader) Timeout(s Signal) time.Duration {
	return r.Millis(defaultTimeout, s.keys("TIMEOUT")...)
}

// Gzip reads OTEL_EXPORTER_OTLP_COMPRESSION. The default is none.
func (r *Reader) Gzip(s Signal) bool {
	return r.Choice([]string{"none", "gzip"}, "none", s.keys("COMPRESSION")...) == "gzip"
}

// CheckProtocol rejects any OTEL_EXPORTER_OTLP_PROTOCOL but http/protobuf, which is the only one there is.
func (r *Reader) CheckProtocol(s Signal) {
	if key, value := r.Lookup(s.keys("PROTOCOL")...); key != "" && !strings.EqualFold(value, "http/protobuf") {
		r.Reject(key, value, "not supported (write http/protobuf, which a collector accepts on port 4318, not 4317)")
	}
}
