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
	defaultOrigin = "http://localhost:4318"
	// DefaultTimeout limits one attempt to send.
	DefaultTimeout = 10 * time.Second
)

// Keys returns the names of a setting of the OTLP exporter: the one of the signal, then the one for all signals.
func (s Signal) Keys(name string) []string {
	return []string{"OTEL_EXPORTER_OTLP_" + string(s) + "_" + name, "OTEL_EXPORTER_OTLP_" + name}
}

// path is where an OTLP receiver takes the signal (OpenTelemetry Protocol Specification, "OTLP/HTTP Request").
func (s Signal) path() string { return "v1/" + strings.ToLower(string(s)) }

// Timeout reads OTEL_EXPORTER_OTLP_TIMEOUT, the limit of one attempt to send. 0 is no limit.
func (r *Reader) Timeout(s Signal, fallback time.Duration) time.Duration {
	return r.Millis(fallback, s.Keys("TIMEOUT")...)
}

// Compressions are the values of OTEL_EXPORTER_OTLP_COMPRESSION.
var Compressions = []string{"none", "gzip"}

// Compression reads OTEL_EXPORTER_OTLP_COMPRESSION, which is one of Compressions. It is empty if the variable is unset or bad.
func (r *Reader) Compression(s Signal) string {
	return r.Choice(Compressions, "", s.Keys("COMPRESSION")...)
}

// CheckProtocol rejects any OTEL_EXPORTER_OTLP_PROTOCOL but http/protobuf, which is the only one there is.
func (r *Reader) CheckProtocol(s Signal) {
	if key, value := r.Lookup(s.Keys("PROTOCOL")...); key != "" && !strings.EqualFold(value, "http/protobuf") {
		r.Reject(key, value, "not supported (write http/protobuf, which a collector accepts on port 4318, not 4317)")
	}
}
