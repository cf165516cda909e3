package otelx

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mapEnv is an environment from a map.
func mapEnv(vars map[string]string) *environment {
	return &environment{getenv: func(key string) string { return vars[key] }}
}

func TestEndpoint(t *testing.T) {
	const general, traces = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for _, c := range []struct {
		vars   map[string]string
		option string
		want   string
		err    string
	}{
		{nil, "", "http://localhost:4318/v1/traces", ""},
		{map[string]string{general: "http://c:4318"}, "", "http://c:4318/v1/traces", ""},
		{map[string]string{general: "https://c/otlp/"}, "", "https://c/otlp/v1/traces", ""},
		{map[string]string{general: "https://c/a//b/../c%2Fd"}, "", "https://c/a//b/../c%2Fd/v1/traces", ""},
		{map[string]string{general: "https://c?key=1"}, "", "https://c/v1/traces?key=1", ""},
		{map[string]string{traces: "http://t:4318"}, "", "http://t:4318", ""},
		{map[string]string{traces: "http://t/x/", general: "http://c"}, "", "http://t/x/", ""},
		{map[string]string{traces: "  ", general: " http://c "}, "", "http://c/v1/traces", ""},
		{map[string]string{traces: "http://t"}, "HTTPS://o/p", "https://o/p", ""},
		{map[string]string{traces: "t:1", general: "http://c"}, "", "http://c/v1/traces", traces + `="t:1": no scheme; write http://t:1`},
		{map[string]string{general: "collector:4318"}, "", "http://localhost:4318/v1/traces", general + `="collector:4318": no scheme; write http://collector:4318`},
		{map[string]string{general: "127.0.0.1:4318"}, "", "http://localhost:4318/v1/traces", "no scheme; write http://127.0.0.1:4318"},
		{map[string]string{general: "collector"}, "", "http://localhost:4318/v1/traces", "no scheme; write http://collector"},
		{map[string]string{general: "grpc://collector:4317"}, "", "http://localhost:4318/v1/traces", `scheme "grpc" is not supported; write http or https`},
		{map[string]string{general: "http://"}, "", "http://localhost:4318/v1/traces", "no host"},
		{map[string]string{general: "http://c:port"}, "", "http://localhost:4318/v1/traces", "no valid URL"},
		{map[string]string{general: "http://me:secret@c:port?key=secret"}, "", "http://localhost:4318/v1/traces", general + `="http://c:port": no valid URL`},
		{map[string]string{general: "http://me:sec/ret-secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": no valid URL`},
		{map[string]string{general: "http://me:4?secret@c:x"}, "", "http://me:4/v1/traces?secret@c:x", ""},
		{map[string]string{general: "me:4#secret@c:x"}, "", "http://localhost:4318/v1/traces", general + `="…": no scheme; write http://…`},
		{map[string]string{general: "me:secret@c:1"}, "", "http://localhost:4318/v1/traces", `="c:1": no scheme; write http://c:1`},
		{nil, "o:1", "http://localhost:4318/v1/traces", `WithEndpoint="o:1": no scheme`},
	} {
		env := mapEnv(c.vars)
		cfg := &config{chosen: settings{endpoint: c.option}}
		if got := cfg.resolveEndpoint(env).String(); got != c.want {
			t.Errorf("%v, option %q: endpoint %s, want %s", c.vars, c.option, got, c.want)
		}
		wantError(t, env, c.err)
	}
}

// wantError checks that env has the one error that contains want, or none if want is empty, and that no error has a
// secret in it.
func wantError(t *testing.T, env *environment, want string) {
	t.Helper()
	err := errors.Join(env.errs...)
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected: %v", err)
	case want != "" && (len(env.errs) != 1 || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want %q", err, want)
	case err != nil && strings.Contains(err.Error(), "secret"):
		t.Errorf("a secret is in the error: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	const general, traces = "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	for _, c := range []struct {
		vars map[string]string
		want map[string]string
		err  string
	}{
		{nil, nil, ""},
		{map[string]string{general: "a=b, c = d e ,,x-y=1=2"}, map[string]string{"a": "b", "c": "d e", "x-y": "1=2"}, ""},
		{map[string]string{general: "authorization=Basic%20c2VjcmV0%3D"}, map[string]string{"authorization": "Basic c2VjcmV0="}, ""},
		{map[string]string{general: "a=b+c"}, map[string]string{"a": "b+c"}, ""},
		{map[string]string{general: "a=b", traces: "c=d"}, map[string]string{"c": "d"}, ""},
		{map[string]string{general: "a=1,A=2"}, map[string]string{"A": "2"}, ""},
		{map[string]string{general: "a="}, map[string]string{"a": ""}, ""},
		{map[string]string{general: "a=1,secret"}, map[string]string{"a": "1"}, general + ": entry 2 has no =; write name=value"},
		{map[string]string{general: "api key=secret,a=1"}, map[string]string{"a": "1"}, general + ": entry 1 has no valid header name"},
		{map[string]string{general: "=secret"}, map[string]string{}, "entry 1 has no valid header name"},
		{map[string]string{traces: "k=secret%zz"}, map[string]string{}, traces + ": the value of k is not percent-encoded; write %25 for %"},
		{map[string]string{general: "key=is,a=secret,and-secret=%zz"}, map[string]string{"key": "is", "a": "secret"}, "the value of entry 3 is not percent-encoded"},
		{map[string]string{general: "key=is,and-secret=%00"}, map[string]string{"key": "is"}, "the value of entry 2 has a control character"},
		{map[string]string{general: "k=secret%0d%0ax: y"}, map[string]string{}, "the value of k has a control character"},
	} {
		env := mapEnv(c.vars)
		if diff := cmp.Diff(c.want, (&config{}).resolveHeaders(env)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.vars, diff)
		}
		wantError(t, env, c.err)
	}
	env := mapEnv(map[string]string{general: "a=b"})
	got := (&config{chosen: settings{headers: map[string]string{"o": "p", "a b": "secret"}}}).resolveHeaders(env)
	wantError(t, env, `WithHeaders: "a b" is no valid header name; it is left out`)
	env = mapEnv(nil)
	_ = (&config{fallback: settings{headers: map[string]string{"o": "secret\nx: y"}}}).resolveHeaders(env)
	wantError(t, env, `WithHeaders: the value of o has a control character; it is left out`)
	if diff := cmp.Diff(map[string]string{"o": "p"}, got); diff != "" {
		t.Errorf("option (-want +got):\n%s", diff)
	}
}

func TestOTLPSettings(t *testing.T) {
	env := mapEnv(map[string]string{
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
	})
	cfg := (&config{}).resolveOTLP(env)
	if cfg.Timeout != 2500*time.Millisecond || !cfg.Gzip || cfg.Authorities != nil || cfg.Certificates != nil {
		t.Errorf("%+v", cfg)
	}
	wantError(t, env, "")

	env = mapEnv(nil)
	if cfg := (&config{}).resolveOTLP(env); cfg.Timeout != 10*time.Second || cfg.Gzip {
		t.Errorf("defaults: %+v", cfg)
	}
	for vars, want := range map[[2]string]string{
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "-1"}:                   `OTEL_EXPORTER_OTLP_TIMEOUT="-1": no number of milliseconds: out of range`,
		{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10s"}:           "write 10000",
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "99999999999999999999"}: "out of range",
		{"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"}:             `OTEL_EXPORTER_OTLP_COMPRESSION="zstd": not known; write none or gzip`,
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"}:    `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/json": not supported; write http/protobuf`,
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}:                `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported; write http/protobuf`,
	} {
		env := mapEnv(map[string]string{vars[0]: vars[1]})
		if cfg := (&config{}).resolveOTLP(env); cfg.Timeout != 10*time.Second || cfg.Gzip {
			t.Errorf("%v: %+v, want the defaults", vars, cfg)
		}
		wantError(t, env, want)
	}
	// A bad value counts as unset, and the setting for all signals takes its place.
	env = mapEnv(map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "5s", "OTEL_EXPORTER_OTLP_TIMEOUT": "77",
		"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "zstd", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
	})
	if cfg := (&config{}).resolveOTLP(env); cfg.Timeout != 77*time.Millisecond || !cfg.Gzip || len(env.errs) != 2 {
		t.Errorf("bad values for traces, good ones for all signals: %+v, %v", cfg, env.errs)
	}
	env = mapEnv(map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "0"})
	if cfg := (&config{}).resolveOTLP(env); cfg.Timeout != 0 {
		t.Errorf("0 means no limit, not %v", cfg.Timeout)
	}
}
