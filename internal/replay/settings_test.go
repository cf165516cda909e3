package replay

import (
	"strings"
	"testing"
	"time"
)

func TestParseSettings(t *testing.T) {
	const prefix = "OTEL_EXPORTER_OTLP_"
	for _, tt := range []struct {
		env      map[string]string
		endpoint string
		want     string
	}{
		{nil, "", "http://localhost:4318/v1/traces"},
		{map[string]string{"ENDPOINT": "http://c:4318"}, "", "http://c:4318/v1/traces"},
		{map[string]string{"ENDPOINT": "https://c/otlp/"}, "", "https://c/otlp/v1/traces"},
		{map[string]string{"ENDPOINT": "http://c:4318", "TRACES_ENDPOINT": "http://t/x"}, "", "http://t/x"},
		{map[string]string{"TRACES_ENDPOINT": "http://t/x"}, "http://given/", "http://given/"},
	} {
		s, err := ParseSettings(func(key string) string { return tt.env[strings.TrimPrefix(key, prefix)] }, tt.endpoint)
		if err != nil || s.Endpoint.String() != tt.want {
			t.Errorf("%v %q: %v, %v; want %s", tt.env, tt.endpoint, s.Endpoint, err, tt.want)
		}
	}
	env := map[string]string{"HEADERS": "a=1", "TRACES_HEADERS": "api-key=a%2Cb, x = y ", "TIMEOUT": "1500", "PROTOCOL": "http/protobuf"}
	s, err := ParseSettings(func(key string) string { return env[strings.TrimPrefix(key, prefix)] }, "")
	if err != nil || s.Header.Get("Api-Key") != "a,b" || s.Header.Get("X") != "y" || s.Header.Get("A") != "" || s.Timeout != 1500*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", `OTEL_EXPORTER_OTLP_ENDPOINT="collector:4318": no scheme; write http://collector:4318`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "me:hush@collector:4318", "write http://collector:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://me:hush@c:4317", `scheme "grpc" is not supported; write http or https`},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:hush@c:x", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: no valid URL"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http:///v1", "no host"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=1,hush", "OTEL_EXPORTER_OTLP_HEADERS: entry 2 is not name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=hush%", "entry 1 is not name=value with a percent-encoded value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=hush%0A", "entry 1 is not name=value"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "Bearer hush=", "entry 1 is not name=value"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://hush@c:4317?k=hush", `"grpc://c:4317"`},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317/x?k=hush", "write http://c:4317/x"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", `OTEL_EXPORTER_OTLP_TIMEOUT="10s": no number of milliseconds`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported; write http/protobuf`},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/does/not/exist/hush", "OTEL_EXPORTER_OTLP_CERTIFICATE: read that file: no such file"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "settings_test.go", "no certificate in PEM form"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "settings_test.go", "set both or none"},
	} {
		_, err := ParseSettings(func(key string) string {
			if key == tt.key {
				return tt.value
			}
			return ""
		}, "")
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s=%s: %v, want %s and no secret", tt.key, tt.value, err, tt.want)
		}
	}
}
