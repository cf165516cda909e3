package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

func TestReadSettings(t *testing.T) {
	env := map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=a%2Cb",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
	}
	for endpoint, want := range map[string]string{"": "http://c:4318/v1/traces", "http://given/": "http://given/"} {
		s, err := ReadSettings(func(key string) string { return env[key] }, endpoint)
		e := s.Destinations[otelenv.Traces].Endpoint
		if err != nil || e.URL.String() != want || e.Headers["api-key"] != "a,b" || e.Timeout != 1500*time.Millisecond || !e.Gzip {
			t.Errorf("%+v, %v; want %s", e, err, want)
		}
	}
	s, err := ReadSettings(func(string) string { return "" }, "")
	e := s.Destinations[otelenv.Traces].Endpoint
	if err != nil || e.URL.String() != "http://localhost:4318/v1/traces" || e.Timeout != 10*time.Second {
		t.Errorf("defaults: %+v, %v", e, err)
	}
}

// An endpoint of the flag stands for the other signals, too, if its path names one of them.
func TestEndpointOfEachSignal(t *testing.T) {
	env := func(key string) string { return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}[key] }
	for endpoint, want := range map[string][3]string{
		"":                       {"http://c:4318/v1/traces", "http://c:4318/v1/metrics", "http://c:4318/v1/logs"},
		"http://given/v1/traces": {"http://given/v1/traces", "http://given/v1/metrics", "http://given/v1/logs"},
		"http://given/a/v1/logs": {"http://given/a/v1/traces", "http://given/a/v1/metrics", "http://given/a/v1/logs"},
		"http://given/intake":    {"http://given/intake", "http://c:4318/v1/metrics", "http://c:4318/v1/logs"},
	} {
		s, err := ReadSettings(env, endpoint)
		for i, signal := range Signals {
			if got := s.Destinations[signal].Endpoint.URL.String(); err != nil || got != want[i] {
				t.Errorf("%q, %s: %s, %v; want %s", endpoint, signal, got, err, want[i])
			}
		}
	}
}

// A bad setting is refused even if another one could take its place.
func TestReadSettingsRefuses(t *testing.T) {
	for _, tt := range []struct{ key, value, endpoint, want string }{
		{"", "", "me:hidden@collector:4318", `-endpoint="collector:4318": no scheme (write http://collector:4318)`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://me:hidden@c:4317", "", `scheme "grpc" is not supported (write http or https)`},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=1,hidden", "", "OTEL_EXPORTER_OTLP_HEADERS: entry 2 has no ="},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "", `OTEL_EXPORTER_OTLP_TIMEOUT="10s": not a number of milliseconds (write 10000)`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "", `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported`},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "settings_test.go", "", "no certificate in PEM form"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "settings_test.go", "", "a key without its certificate"},
	} {
		_, err := ReadSettings(func(key string) string {
			if key == tt.key {
				return tt.value
			}
			return ""
		}, tt.endpoint)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s=%s: %v, want %s and no secret", tt.key, tt.value, err, tt.want)
		}
	}
}
