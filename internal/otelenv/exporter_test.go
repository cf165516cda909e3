package otelenv

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mapEnv is an environment from a map.
func mapEnv(vars map[string]string) *Reader {
	return New(func(key string) string { return vars[key] })
}

// TestBadAttributesAreOneReport: of a variable with bad entries nothing is used, and all its faults are in one error.
func TestBadAttributesAreOneReport(t *testing.T) {
	for value, want := range map[string]string{
		"a=%zz,ok=1,b=%zz":   `A: entry "a=%zz" is not percent-encoded (write %25 for %); entry "b=%zz" is not percent-encoded (write %25 for %)`,
		"service.name=a%ffb": `A: entry "service.name=a%ffb" does not decode to UTF-8 (write %C3%A9 for é)`,
		"a=\xff":             `A: entry "a=\xff" does not decode to UTF-8 (write %C3%A9 for é)`,
		"%c3=%a9":            `A: entry "%c3=%a9" does not decode to UTF-8 (write %C3%A9 for é)`,
		"%ff=a,b":            `A: entry "%ff=a" does not decode to UTF-8 (write %C3%A9 for é); entry "b" has no = (write key=value)`,
	} {
		env := mapEnv(map[string]string{"A": value})
		attrs := env.Attributes("A")
		if want += "; the whole variable is ignored"; attrs != nil || len(env.errs) != 1 || env.errs[0].Error() != want {
			t.Errorf("%s: %v, %v", value, attrs, env.errs)
		}
	}
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
		{map[string]string{traces: "t:1", general: "http://c"}, "", "http://c/v1/traces", traces + `="t:1": no scheme (write http://t:1)`},
		{map[string]string{general: "collector:4318"}, "", "http://localhost:4318/v1/traces", general + `="collector:4318": no scheme (write http://collector:4318)`},
		{map[string]string{general: "127.0.0.1:4318"}, "", "http://localhost:4318/v1/traces", "no scheme (write http://127.0.0.1:4318)"},
		{map[string]string{general: "collector"}, "", "http://localhost:4318/v1/traces", "no scheme (write http://collector)"},
		{map[string]string{general: "grpc://collector:4317"}, "", "http://localhost:4318/v1/traces", `scheme "grpc" is not supported (write http or https)`},
		{map[string]string{general: "http://"}, "", "http://localhost:4318/v1/traces", "no host"},
		{map[string]string{general: "http://c:port"}, "", "http://localhost:4318/v1/traces", "not a valid URL"},
		{map[string]string{general: "http://me:secret@c:port?key=secret"}, "", "http://localhost:4318/v1/traces", general + `="http://c:port": not a valid URL`},
		{map[string]string{general: "http://me:p@ss-secret@c:1"}, "", "http://me:p%40ss-secret@c:1/v1/traces", ""},
		{map[string]string{general: "http://me:p@ss/secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:p@ss?secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:p@ss#secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://sec/ret-secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{traces: "http://me:1/secret@c:1", general: "http://c"}, "", "http://c/v1/traces", traces + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:p@ss/se?cret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:p@ss/v1?secret=x@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:p@ss/secret%40c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "http://sec?ret-secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{traces: "http://c/v1?tenant=a@b"}, "", "http://c/v1?tenant=a@b", ""},
		{map[string]string{traces: "http://me:p@c/v1?tenant=a%40b"}, "", "http://me:p@c/v1?tenant=a%40b", ""},
		{nil, "https://me:p@ss/secret@c:1/v1/traces", "http://localhost:4318/v1/traces", `WithEndpoint="https://…": @ after the host`},
		{map[string]string{general: "http://me:p%40ss%2Fw@c/a"}, "", "http://me:p%40ss%2Fw@c/a/v1/traces", ""},
		{map[string]string{traces: "http://me:p@c/v1/traces?user=a@b"}, "", "http://localhost:4318/v1/traces", traces + `="http://…": @ after the host`},
		{map[string]string{general: "http://me:sec/ret-secret@c:1"}, "", "http://localhost:4318/v1/traces", general + `="http://…": not a valid URL`},
		{map[string]string{general: "http://me:4?secret@c:x"}, "", "http://localhost:4318/v1/traces", general + `="http://…": @ after the host`},
		{map[string]string{general: "me:4#secret@c:x"}, "", "http://localhost:4318/v1/traces", general + `="…": no scheme (write http://…)`},
		{map[string]string{general: "http://me:p@ss-secret@c:x"}, "", "http://localhost:4318/v1/traces", general + `="http://c:x": not a valid URL`},
		{map[string]string{general: "me:secret@c:1"}, "", "http://localhost:4318/v1/traces", `="c:1": no scheme (write http://c:1)`},
		{nil, "o:1", "http://localhost:4318/v1/traces", `WithEndpoint="o:1": no scheme`},
	} {
		env := mapEnv(c.vars)
		u := env.Endpoint(Traces, "WithEndpoint", c.option)
		if u == nil {
			u = DefaultEndpoint(Traces)
		}
		if got := u.String(); got != c.want {
			t.Errorf("%v, option %q: endpoint %s, want %s", c.vars, c.option, got, c.want)
		}
		wantError(t, env, c.err)
	}
}

// wantError checks that env has one error, which contains want, or none if want is empty, and that no error holds a secret.
func wantError(t *testing.T, env *Reader, want string) {
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
		{map[string]string{general: "a=1,secret"}, map[string]string{"a": "1"}, general + ": entry 2 has no = (write name=value"},
		{map[string]string{general: "api key=secret,a=1"}, map[string]string{"a": "1"}, general + ": entry 1 has no valid header name"},
		{map[string]string{general: "=secret"}, map[string]string{}, "entry 1 has no valid header name"},
		{map[string]string{traces: "k=secret%zz"}, map[string]string{}, traces + ": the value of k is not percent-encoded (write %25 for %)"},
		{map[string]string{general: "key=is,a=secret,and-secret=%zz"}, map[string]string{"key": "is", "a": "secret"}, "the value of entry 3 is not percent-encoded"},
		{map[string]string{general: "key=is,and-secret=%00"}, map[string]string{"key": "is"}, "the value of entry 2 has a control character"},
		{map[string]string{general: "k=secret%0d%0ax: y"}, map[string]string{}, "the value of k has a control character"},
	} {
		env := mapEnv(c.vars)
		if diff := cmp.Diff(c.want, env.Headers(Traces)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.vars, diff)
		}
		wantError(t, env, c.err)
	}
	headers := map[string]string{"o": "p", "a b": "secret", "c": "secret\nx: y"}
	env := mapEnv(nil)
	env.CheckHeaders("WithHeaders", headers)
	want := `WithHeaders: "a b" is not a valid header name; the header is left out
WithHeaders: the value of c has a control character; the header is left out`
	if err := errors.Join(env.Errs()...); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if diff := cmp.Diff(map[string]string{"o": "p"}, headers); diff != "" {
		t.Errorf("option (-want +got):\n%s", diff)
	}
}

// exporter holds settings of the exporter for traces.
type exporter struct {
	timeout time.Duration
	gzip    bool
}

func readExporter(r *Reader) exporter {
	r.CheckProtocol(Traces)
	return exporter{r.Timeout(Traces, DefaultTimeout), r.Compression(Traces) == "gzip"}
}

func TestExporterSettings(t *testing.T) {
	defaults := exporter{10 * time.Second, false}
	for name, c := range map[string]struct {
		vars map[string]string
		want exporter
		err  string
	}{
		"unset": {nil, defaults, ""},
		"the signal's wins": {map[string]string{
			"OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
			"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "1",
		}, exporter{2500 * time.Millisecond, true}, ""},
		"no limit":           {map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "0"}, exporter{0, false}, ""},
		"negative":           {map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, defaults, `OTEL_EXPORTER_OTLP_TIMEOUT="-1": not a number of milliseconds (for example 5000)`},
		"with a unit":        {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "10s"}, defaults, "not a number of milliseconds (write 10000)"},
		"too large":          {map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "99999999999999999999"}, defaults, "not a number of milliseconds"},
		"compression":        {map[string]string{"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, defaults, `OTEL_EXPORTER_OTLP_COMPRESSION="zstd": unknown (write none or gzip)`},
		"protocol":           {map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, defaults, `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": not supported (write http/protobuf`},
		"protocol of traces": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, defaults, `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/json": not supported`},
		"a bad value leaves it to the general one": {map[string]string{
			"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "5s", "OTEL_EXPORTER_OTLP_TIMEOUT": "77",
		}, exporter{77 * time.Millisecond, false}, `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="5s": not a number of milliseconds (write 5000)`},
	} {
		env := mapEnv(c.vars)
		if got := readExporter(env); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		wantError(t, env, c.err)
	}
}

// Each signal has variables, a path and a default endpoint of its own.
func TestSignals(t *testing.T) {
	env := mapEnv(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://l/x",
		"OTEL_EXPORTER_OTLP_HEADERS": "a=all", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "a=metrics",
	})
	for signal, want := range map[Signal][3]string{
		Traces:  {"http://c/v1/traces", "http://localhost:4318/v1/traces", "all"},
		Metrics: {"http://c/v1/metrics", "http://localhost:4318/v1/metrics", "metrics"},
		Logs:    {"http://l/x", "http://localhost:4318/v1/logs", "all"},
	} {
		got := [3]string{env.Endpoint(signal, "", "").String(), DefaultEndpoint(signal).String(), env.Headers(signal)["a"]}
		if got != want {
			t.Errorf("%s: %q, want %q", signal, got, want)
		}
	}
	wantError(t, env, "")
}

func TestReader(t *testing.T) {
	env := mapEnv(map[string]string{"B": "0.25", "C": "7", "D": "spaces\t", "E": ""})
	if env.Ratio(1, "B") != 0.25 || env.Int(1, 9, 3, "none", "C") != 7 || env.Int(1, 9, 3, "E") != 3 {
		t.Error("a value is not read")
	}
	if key, value := env.Lookup("E", "D"); key != "D" || value != "spaces" {
		t.Errorf("Lookup: %q, %q", key, value)
	}
	wantError(t, env, "")
	for value, want := range map[string]string{
		"half": "not a whole number (write 1 to 9)", "10": "out of range (write 1 to 9)", strings.Repeat("9", 1000): "out of range",
	} {
		env := mapEnv(map[string]string{"N": value})
		if got := env.Int(1, 9, 3, "N"); got != 3 {
			t.Errorf("%s: %d", value, got)
		}
		wantError(t, env, want)
	}
	for _, value := range []string{"2", "-0.1", "NaN", "half"} {
		env := mapEnv(map[string]string{"R": value})
		if got := env.Ratio(1, "R"); got != 1 {
			t.Errorf("%s: %v", value, got)
		}
		wantError(t, env, `R="`+value+`": not a number from 0 to 1 (for example 0.25)`)
	}
}

// TestQuoteCutsBetweenCharacters asserts that a shortened value shows no part of a character.
func TestQuoteCutsBetweenCharacters(t *testing.T) {
	for n := range 4 {
		got := Quote(strings.Repeat("a", n) + strings.Repeat("€", 100))
		if strings.Contains(got, `\x`) || strings.ContainsRune(got, '\uFFFD') || !strings.HasSuffix(got, `€…"`) {
			t.Errorf("after %d letters: %s", n, got)
		}
	}
}
