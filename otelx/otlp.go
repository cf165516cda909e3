package otelx

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/otelx/internal/otlp"
)

// Keys of the OTLP exporter's settings (OpenTelemetry Specification, "OpenTelemetry Protocol Exporter"): the one for
// traces beats the one for all signals.
var (
	endpointKeys    = keys("ENDPOINT")
	protocolKeys    = keys("PROTOCOL")
	headersKeys     = keys("HEADERS")
	timeoutKeys     = keys("TIMEOUT")
	compressionKeys = keys("COMPRESSION")
	authorityKeys   = keys("CERTIFICATE")
	certificateKeys = keys("CLIENT_CERTIFICATE")
	privateKeyKeys  = keys("CLIENT_KEY")
)

const (
	defaultEndpoint    = "http://localhost:4318/v1/traces"
	defaultOTLPTimeout = 10 * time.Second
	tracesPath         = "v1/traces"
)

func keys(name string) []string {
	return []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name}
}

// resolveOTLP reads everything about the OTLP exporter.
func (c *config) resolveOTLP(env *environment) otlp.HTTPConfig {
	env.protocol()
	dial, sign, hint := c.chosen.dial, c.chosen.sign, c.chosen.hint
	if dial == nil {
		dial = c.fallback.dial
	}
	if sign == nil {
		sign = c.fallback.sign
	}
	if hint == nil {
		hint = c.fallback.hint
	}
	return otlp.HTTPConfig{
		Endpoint:     c.resolveEndpoint(env),
		Headers:      c.resolveHeaders(env),
		Timeout:      env.millis(defaultOTLPTimeout, timeoutKeys...),
		Gzip:         env.choice([]string{"none", "gzip"}, "none", compressionKeys...) == "gzip",
		Authorities:  env.authorities(),
		Certificates: env.clientCertificates(),
		Dial:         dial,
		Sign:         sign,
		Hint:         hint,
	}
}

// protocol rejects what is not ours.
func (e *environment) protocol() {
	if key, value := e.lookup(protocolKeys...); key != "" && !strings.EqualFold(value, "http/protobuf") {
		e.reject(key, value,
			"not supported; write http/protobuf, which is used now (port 4318 at a collector, not 4317)")
	}
}

// resolveEndpoint returns the first valid of: option, traces endpoint, general endpoint, fallback, default.
func (c *config) resolveEndpoint(env *environment) *url.URL {
	if u := c.findEndpoint(env); u != nil {
		return u
	}
	u, _ := url.Parse(defaultEndpoint) // a constant
	return u
}

// findEndpoint is resolveEndpoint without the default; nil for none.
func (c *config) findEndpoint(env *environment) *url.URL {
	if u := c.givenEndpoint(env); u != nil {
		return u
	}
	return firstEndpoint(env, candidate{"WithEndpoint", c.fallback.endpoint, ""})
}

// givenEndpoint is findEndpoint without the fallback.
func (c *config) givenEndpoint(env *environment) *url.URL {
	return firstEndpoint(
		env,
		candidate{"WithEndpoint", c.chosen.endpoint, ""},
		candidate{endpointKeys[0], strings.TrimSpace(env.getenv(endpointKeys[0])), ""},
		candidate{endpointKeys[1], strings.TrimSpace(env.getenv(endpointKeys[1])), tracesPath},
	)
}

// candidate is a value that may be the endpoint, of the setting named key.
type candidate struct{ key, value, suffix string }

// firstEndpoint returns the first that is valid; nil for none.
func firstEndpoint(env *environment, candidates ...candidate) *url.URL {
	for _, cand := range candidates {
		if cand.value == "" {
			continue
		}
		u, err := parseEndpoint(cand.value, cand.suffix)
		if err == nil {
			return u
		}
		env.errs = append(env.errs, fmt.Errorf("%s=%s: %w", cand.key, quote(shown(cand.value)), err))
	}
	return nil
}

// parseEndpoint reads an http or https URL and appends suffix to its path.
func parseEndpoint(value, suffix string) (*url.URL, error) {
	u, err := url.Parse(value)
	known := err == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https"))
	switch {
	case !known && !strings.Contains(value, "://"):
		return nil, fmt.Errorf("no scheme; write %s", withScheme(shown(value)))
	case err != nil:
		return nil, errors.New("no valid URL; write one such as http://collector:4318")
	case !known:
		return nil, fmt.Errorf("scheme %s is not supported; write http or https", quote(u.Scheme))
	case u.Hostname() == "":
		return nil, errors.New("no host; write a URL such as http://collector:4318")
	}
	if suffix != "" {
		u.Path = extend(u.Path, suffix)
		if u.RawPath != "" {
			u.RawPath = extend(u.RawPath, suffix)
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// withScheme is what to write in place of an endpoint without a scheme: an example where it is none at all.
func withScheme(value string) string {
	if quoted := quote(value); quoted != `"`+value+`"` {
		return "one such as http://collector:4318"
	}
	return "http://" + value
}

// extend appends suffix to a path, with one slash between them, and leaves the rest of it as it is.
func extend(path, suffix string) string { return strings.TrimSuffix(path, "/") + "/" + suffix }

// shown is an endpoint without what may be secret in it: user information, query and fragment. Where it can not be told
// what is which, as with a password that holds an unescaped slash or question mark, no more than the scheme is shown.
func shown(value string) string {
	scheme, rest, found := strings.Cut(value, "://")
	if found && !strings.ContainsAny(scheme, ":@/?#\\") {
		scheme += "://"
	} else { // a scheme has none of these, but a password may
		scheme, rest = "", value
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if strings.Contains(tail, "@") {
		return scheme + "…"
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	path, _, _ := strings.Cut(tail, "?")
	path, _, _ = strings.Cut(path, "#")
	return scheme + authority + path
}

// resolveHeaders returns the option's headers, or those of the first of the two variables that is set.
func (c *config) resolveHeaders(env *environment) map[string]string {
	if c.chosen.headers != nil {
		return validHeaders(c.chosen.headers, env)
	}
	key, value := env.lookup(headersKeys...)
	if key == "" {
		return validHeaders(c.fallback.headers, env)
	}
	headers, bad := parseHeaders(value)
	for _, err := range bad {
		env.errs = append(env.errs, fmt.Errorf("%s: %w", key, err))
	}
	return headers
}

// validHeaders is an option's headers without those that no request can carry, each of which is an error.
func validHeaders(headers map[string]string, env *environment) map[string]string {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch {
		case !isToken(name):
			env.errs = append(env.errs, fmt.Errorf("WithHeaders: %s is no valid header name; it is left out", quote(name)))
		case hasControl(headers[name]):
			env.errs = append(env.errs, fmt.Errorf("WithHeaders: the value of %s has a control character; it is left out", name))
		default:
			continue
		}
		delete(headers, name) // of a copy
	}
	return headers
}

// parseHeaders reads key1=value1,key2=value2 with percent-encoded values, in the form of W3C Baggage without metadata.
// Bad entries are left out, each with an error that shows nothing that could be a part of a value: after a comma that
// should have been encoded, not even the name. Of two values for one header the later counts.
func parseHeaders(value string) (headers map[string]string, bad []error) {
	headers = map[string]string{}
	for i, entry := range list(value) {
		k, v, found := strings.Cut(entry, "=")
		k = strings.TrimSpace(k)
		place := fmt.Sprintf("entry %d", i+1)
		switch {
		case !found:
			bad = append(bad, fmt.Errorf("%s has no =; write name=value, with %%2C for a comma in a value", place))
			continue
		case !isToken(k):
			bad = append(bad, fmt.Errorf("%s has no valid header name; write name=value", place))
			continue
		case i == 0:
			place = "the value of " + k
		default:
			place = "the value of " + place
		}
		text, err := url.PathUnescape(strings.TrimSpace(v))
		if err != nil {
			bad = append(bad, fmt.Errorf("%s is not percent-encoded; write %%25 for %%", place))
			continue
		}
		if hasControl(text) {
			bad = append(bad, fmt.Errorf("%s has a control character", place))
			continue
		}
		maps.DeleteFunc(headers, func(name, _ string) bool { return strings.EqualFold(name, k) })
		headers[k] = text
	}
	return headers, bad
}

// hasControl reports whether value has a character that a header's value may not have (RFC 9110, 5.5).
func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// isToken reports whether s can be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
