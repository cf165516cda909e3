package otelenv

import (
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzParseHeaders(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b,c=d", "Authorization=Basic%20eA%3D%3D", "=x", "a", "a=%", "a=%0a", ",,=,", "a b=c", "a=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		env := mapEnv(map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": value})
		headers := env.Headers(Traces)
		for name, v := range headers {
			if !isToken(name) || strings.ContainsAny(v, "\r\n\x00") {
				t.Errorf("%q: header %q = %q would break a request", value, name, v)
			}
		}
		if n := len(List(value)); len(headers)+len(env.errs) > n {
			t.Errorf("%q: %d entries, %d headers and %d errors", value, n, len(headers), len(env.errs))
		}
	})
}

func FuzzParseHeadersKeepsSecrets(f *testing.F) {
	f.Add("k", "%zz")
	f.Add("a b", "x")
	f.Add("", "\x01")
	f.Fuzz(func(t *testing.T, name, tail string) {
		if strings.Contains(name, "qXv7") || len(List(name)) > 1 {
			t.Skip()
		}
		env := mapEnv(map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": name + "=qXv7" + tail})
		env.Headers(Traces)
		for _, err := range env.errs {
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
		env := mapEnv(map[string]string{"A": value})
		attrs := env.Attributes("A")
		if entries := len(List(strings.TrimSpace(value))); len(env.errs) == 0 && len(attrs) != entries || len(env.errs) > 0 && attrs != nil {
			t.Errorf("%q: %d entries, %d attributes and %d errors", value, entries, len(attrs), len(env.errs))
		}
		for _, a := range attrs {
			if a.Key == "" {
				t.Errorf("%q: an attribute without a key", value)
			}
		}
	})
}

func FuzzParseInt(f *testing.F) {
	for _, seed := range []string{"", "0", "-1", "2147483647", "2147483648", "1e3", "0x10", "+5", "99999999999999999999", "5 "} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, value string, least int) {
		n, err := parseInt(value, least, MaxInt)
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
			suffix = Traces.path()
		}
		u, err := parseEndpoint(value, suffix)
		if err != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			t.Errorf("%q was accepted as %v", value, u)
		}
		if suffix != "" && !strings.HasSuffix(u.Path, "/"+Traces.path()) {
			t.Errorf("%q became %v", value, u)
		}
		if again, err := url.Parse(u.String()); err != nil || again.Host != u.Host {
			t.Errorf("%q became %q, which does not parse again: %v", value, u.String(), err)
		}
	})
}

// FuzzShown puts a password into an endpoint and looks for it in the shown form and in errors.
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
		env := mapEnv(map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": value})
		env.Endpoint(Traces, "", "")
		if err := errors.Join(env.errs...); err != nil && strings.Contains(err.Error(), password[:4]) {
			t.Errorf("%q: error %v", value, err)
		}
	})
}
