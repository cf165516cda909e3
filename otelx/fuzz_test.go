package otelx

import (
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func FuzzParseHeaders(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b,c=d", "Authorization=Basic%20eA%3D%3D", "=x", "a", "a=%", "a=%0a", ",,=,", "a b=c", "a=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		headers, bad := parseHeaders(value)
		for name, v := range headers {
			if !isToken(name) || strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("%q: header %q = %q would break a request", value, name, v)
			}
		}
		if n := len(list(value)); len(headers)+len(bad) > n {
			t.Errorf("%q: %d entries, %d headers and %d errors", value, n, len(headers), len(bad))
		}
	})
}

func FuzzParseHeadersKeepsSecrets(f *testing.F) {
	f.Add("k", "%zz")
	f.Add("a b", "x")
	f.Add("", "\x01")
	f.Fuzz(func(t *testing.T, name, tail string) {
		if strings.Contains(name, "qXv7") || len(list(name)) > 1 {
			t.Skip()
		}
		_, bad := parseHeaders(name + "=qXv7" + tail)
		for _, err := range bad {
			if strings.Contains(err.Error(), "qXv7") {
				t.Errorf("a value is in the error: %v", err)
			}
		}
	})
}

func FuzzParseAttributes(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b,c=d%20e", "service.name=x,service.name=y", "=", "a", "%=x", "a=%", " a = b "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		attrs, bad := parseAttributes(value)
		if entries := len(list(value)); len(attrs)+len(bad) < entries || max(len(attrs), len(bad)) > entries {
			t.Errorf("%q: %d entries, %d attributes and %d errors", value, len(list(value)), len(attrs), len(bad))
		}
		for _, a := range attrs {
			if !a.Valid() || a.Value.Type() != attribute.STRING {
				t.Errorf("%q: attribute %v is not valid", value, a)
			}
		}
	})
}

func FuzzParseInt(f *testing.F) {
	for _, seed := range []string{"", "0", "-1", "2147483647", "2147483648", "1e3", "0x10", "+5", "99999999999999999999", "5 "} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, value string, least int) {
		n, err := parseInt(value, least)
		if err == nil && (n < least || n > math.MaxInt32) {
			t.Errorf("%q is %d, below %d or too large", value, n, least)
		}
		if err != nil && n != 0 {
			t.Errorf("%q: %d with error %v", value, n, err)
		}
	})
}

func FuzzParseMillis(f *testing.F) {
	for _, seed := range []string{"", "0", "-1", "5000", "5s", "-5s", "2147483647", "1.5", "9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		d, err := parseMillis(value)
		if d < 0 || err != nil && d != 0 || d%time.Millisecond != 0 {
			t.Errorf("%q is %v, error %v", value, d, err)
		}
	})
}

func FuzzParseEndpoint(f *testing.F) {
	for _, seed := range []string{
		"", "http://c:4318", "c:4318", "https://me:secret@c/x?y#z", "http://[::1]:1", "http://", "://", "HTTP://c/%2F", "http:c", "http:///x", "mailto:a@b",
	} {
		f.Add(seed, "v1/traces")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, value, suffix string) {
		if suffix != "" {
			suffix = tracesPath
		}
		u, err := parseEndpoint(value, suffix)
		if err != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			t.Errorf("%q was accepted as %v", value, u)
		}
		if suffix != "" && !strings.HasSuffix(u.Path, "/"+tracesPath) {
			t.Errorf("%q became %v", value, u)
		}
		if again, err := url.Parse(u.String()); err != nil || again.Host != u.Host {
			t.Errorf("%q became %q, which does not parse again: %v", value, u.String(), err)
		}
	})
}

// settingKeys are the variables that otelx reads, but for the resource's, of which FuzzParseAttributes takes care.
var settingKeys = slices.Concat(endpointKeys, protocolKeys, headersKeys, timeoutKeys, compressionKeys, authorityKeys, certificateKeys,
	privateKeyKeys, []string{
		samplerKey, samplerArgKey, propagatorsKey, "OTEL_TRACES_EXPORTER", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
		"EPILOGUE_MAX_REQUEST_SIZE",
	})

// FuzzEnvironment sets one variable, whatever it is, to anything: settings come of it that can be used, and each error
// begins with the variable's name and fits a line.
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
		env := mapEnv(vars)
		c := &config{}
		x := c.newExporter(env)
		queue, batch := c.sizes(env)
		delay := env.millis(time.Second, "OTEL_BSP_SCHEDULE_DELAY")
		timeout := env.millis(time.Second, "OTEL_BSP_EXPORT_TIMEOUT")
		if env.sampler(nil) == nil || c.resolvePropagator(env) == nil {
			t.Errorf("%s=%q: no sampler or no propagator", key, value)
		}
		if queue < 1 || batch < 1 || batch > queue || delay < 0 || timeout < 0 {
			t.Errorf("%s=%q: queue %d, batch %d, delay %v, timeout %v", key, value, queue, batch, delay, timeout)
		}
		if o, ok := x.(*otlpExporter); ok && o == nil {
			t.Errorf("%s=%q: an exporter that is none", key, value)
		}
		_ = env.spanLimits()
		for _, err := range env.errs {
			if text := err.Error(); !strings.HasPrefix(text, key) || len(text) > 2000 || strings.ContainsAny(text, "\n\x00") {
				t.Errorf("%s=%q: error %q", key, value, text)
			}
		}
	})
}

// FuzzShown plants a password where one can stand in an endpoint, and looks for it in what is shown of it.
func FuzzShown(f *testing.F) {
	f.Add("http://", "me", "@c:4318/v1")
	f.Add("", "", "@c?x@y")
	f.Add("grpc://", "a/b", "@c:port#z")
	f.Fuzz(func(t *testing.T, scheme, user, tail string) {
		const password = "qXv7pAsS"
		at := strings.IndexByte(tail, '@')
		if at < 0 || strings.Contains(scheme+user, password[:4]) || strings.Contains(strings.TrimSuffix(scheme, "://"), "://") {
			t.Skip() // no user information, or none that could be told from the scheme
		}
		value := scheme + user + ":" + password + tail
		if got := shown(value); strings.Contains(got, password[:4]) {
			t.Errorf("%q is shown as %q", value, got)
		}
		env := mapEnv(map[string]string{endpointKeys[0]: value})
		_ = (&config{}).resolveEndpoint(env)
		if err := errors.Join(env.errs...); err != nil && strings.Contains(err.Error(), password[:4]) {
			t.Errorf("%q: error %v", value, err)
		}
	})
}
