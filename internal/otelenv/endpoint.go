package otelenv

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Endpoint returns the first valid URL among the value of the setting called name, OTEL_EXPORTER_OTLP_<signal>_ENDPOINT,
// both used as they are, and OTEL_EXPORTER_OTLP_ENDPOINT with the signal's path appended. It is nil if there is none.
func (r *Reader) Endpoint(s Signal, name, value string) *url.URL {
	keys := s.Keys("ENDPOINT")
	_, own := r.Lookup(keys[0])
	_, general := r.Lookup(keys[1])
	if u := r.URL(name, value); u != nil {
		return u
	}
	if u := r.URL(keys[0], own); u != nil {
		return u
	}
	return r.url(keys[1], general, s.path())
}

// WithoutSecrets returns an endpoint without user information and query.
func WithoutSecrets(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// URL reads an http or https URL, the value of the setting called name. It is nil if value is empty or bad.
func (r *Reader) URL(name, value string) *url.URL { return r.url(name, value, "") }

func (r *Reader) url(name, value, suffix string) *url.URL {
	if value == "" {
		return nil
	}
	u, err := parseEndpoint(value, suffix)
	if err != nil {
		r.Reject(name, shown(value), err.Error())
		return nil
	}
	return u
}

// DefaultEndpoint is http://localhost:4318 with the signal's path.
func DefaultEndpoint(s Signal) *url.URL {
	u, _ := url.Parse(defaultOrigin + "/" + s.path()) // a constant
	return u
}

// parseEndpoint reads an http or https URL and appends suffix to its path.
func parseEndpoint(value, suffix string) (*url.URL, error) {
	u, err := url.Parse(value)
	known := err == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https"))
	switch {
	case !known && !strings.Contains(value, "://"):
		return nil, fmt.Errorf("no scheme (%s)", withScheme(shown(value)))
	case err != nil:
		return nil, errors.New("not a valid URL (for example http://collector:4318)")
	case !known:
		return nil, fmt.Errorf("scheme %s is not supported (write http or https)", Quote(u.Scheme))
	case u.Hostname() == "":
		return nil, errors.New("no host (for example http://collector:4318)")
	case endsInPassword(u):
		return nil, errors.New("@ after the host (write %40 for @, and in a password %2F for /, %3F for ? and %23 for #; " +
			"a path with @ needs its user information in OTEL_EXPORTER_OTLP_HEADERS)")
	}
	u.Fragment, u.RawFragment = "", ""
	if suffix != "" {
		u.Path = join(u.Path, suffix)
		if u.RawPath != "" {
			u.RawPath = join(u.RawPath, suffix)
		}
	}
	return u, nil
}

// endsInPassword reports whether the host of u may be the middle of a password, as in http://user:p@ss/word@host and
// http://to?ken@host. Then a credential would go to another host, so the endpoint is refused.
func endsInPassword(u *url.URL) bool {
	path := u.EscapedPath()
	if u.User != nil {
		path = u.Path // decoded: http://user:p@ss/word%40host
	}
	query := ""
	if u.User != nil || u.Path == "" {
		query = u.RawQuery
	}
	return strings.Contains(path+query+u.Fragment, "@")
}

// withScheme returns the remedy for an endpoint without a scheme: the endpoint with one, or an example if the endpoint
// needs quoting.
func withScheme(value string) string {
	if quoted := Quote(value); quoted != `"`+value+`"` {
		return "for example http://collector:4318"
	}
	return "write http://" + value
}

// join appends suffix to a path with one slash between them.
func join(path, suffix string) string { return strings.TrimSuffix(path, "/") + "/" + suffix }

// shown returns an endpoint without user information, query and fragment. If they cannot be told apart, as with a password
// that holds an unescaped slash or question mark, it returns only the scheme.
func shown(value string) string {
	scheme, rest, found := strings.Cut(value, "://")
	if found && !strings.ContainsAny(scheme, ":@/?#\\") {
		scheme += "://"
	} else { // a scheme has none of these characters, but a password may
		scheme, rest = "", value
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if strings.Contains(tail, "@") || strings.Contains(tail, "%40") {
		return scheme + "…"
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	path, _, _ := strings.Cut(tail, "?")
	path, _, _ = strings.Cut(path, "#")
	return scheme + authority + path
}
