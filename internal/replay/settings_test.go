package replay

import (
	"strings"
	"testing"
	"time"
)

func TestReadSettings(t *testing.T) {
	env := map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "api-key=a%2Cb",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
	}
	for endpoint, want := range map[string]string{"": "http://c:4318/v1/traces", "http://given/": "http://given/"} {
		s, err := ReadSettings(func(key string) string { return env[key] }, endpoint)
		e := s.Endpoint
		if err != nil || e.URL.String() != want || e.Headers["api-key"] != "a,b" || e.Timeout != 1500*time.Millisecond || !e.Gzip {
			t.Errorf("%+v, %v; want %s", e, err, want)
		}
	}
	s, err := ReadSettings(func(string) string { return "" }, "")
	if err != nil || s.Endpoint.URL.String() != "http://localhost:4318/v1/traces" || s.Endpoint.Timeout != 10*time.Second {
		t.Errorf("defaults: %+v, %v", s.Endpoint, err)
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
