package otelx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
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
		{map[string]string{general: "k=secret%0d%0ax: y"}, map[string]string{}, "the value of k has a control character"},
	} {
		env := mapEnv(c.vars)
		if diff := cmp.Diff(c.want, (&config{}).resolveHeaders(env)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.vars, diff)
		}
		wantError(t, env, c.err)
	}
	env := mapEnv(map[string]string{general: "a=b"})
	got := (&config{chosen: settings{headers: map[string]string{"o": "p"}}}).resolveHeaders(env)
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
	if cfg.Timeout != 2500*time.Millisecond || !cfg.Gzip || cfg.TLS != nil {
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

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, junk := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "junk.pem")
	writeCertificate(t, cert, key)
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	const ca, client, private = "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY"
	for _, c := range []struct {
		name          string
		vars          map[string]string
		pool, present bool
		err           string
	}{
		{"authority", map[string]string{ca: cert}, true, false, ""},
		{"both", map[string]string{ca: cert, client: cert, private: key}, true, true, ""},
		{"missing file", map[string]string{ca: dir + "/none"}, false, false, ca + `="` + dir + `/none": open`},
		{"junk", map[string]string{ca: junk}, false, false, "no certificate in PEM form in it"},
		{"no key", map[string]string{client: cert}, false, false, client + `="` + cert + `": set OTEL_EXPORTER_OTLP_CLIENT_KEY too`},
		{"no certificate", map[string]string{private: key}, false, false, "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE too"},
		{"wrong key", map[string]string{client: cert, private: junk}, false, false, private + `="` + junk + `"`},
	} {
		env := mapEnv(c.vars)
		cfg := env.tls()
		if got := cfg != nil && cfg.RootCAs != nil; got != c.pool {
			t.Errorf("%s: own authorities %v, want %v", c.name, got, c.pool)
		}
		if got := cfg != nil && len(cfg.Certificates) > 0; got != c.present {
			t.Errorf("%s: client certificate %v, want %v", c.name, got, c.present)
		}
		wantError(t, env, c.err)
	}
}

func writeCertificate(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
