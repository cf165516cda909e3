package replay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	defaultEndpoint = "http://localhost:4318/v1/traces"
	defaultTimeout  = 10 * time.Second
	tracesPath      = "v1/traces"
)

// Settings say where documents go, and how.
type Settings struct {
	Endpoint *url.URL
	Header   http.Header   // of every request
	TLS      *tls.Config   // nil: the system's authorities, no certificate of our own
	Timeout  time.Duration // of an attempt; 0: none
	Patience time.Duration // for the attempts at one request together
	Retrying func(error)   // if not nil, called once: when an attempt has failed and there will be another
}

// Target is the endpoint as it may be shown: without user information and query, which may be secrets.
func (s *Settings) Target() string { return target(s.Endpoint) }

func target(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// ParseSettings reads what OpenTelemetry's exporters read (OpenTelemetry Specification, "OpenTelemetry Protocol
// Exporter"): OTEL_EXPORTER_OTLP_ENDPOINT, to which /v1/traces is appended, default http://localhost:4318; _HEADERS,
// _TIMEOUT in milliseconds (10000), _CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY and _PROTOCOL, of which there is
// http/protobuf. Each also as OTEL_EXPORTER_OTLP_TRACES_…, which wins, the endpoint as it is. endpoint beats them if it
// is not empty, and is used as it is.
//
// Unlike a function, which must start whatever its settings are, it refuses a bad value: an error names the variable
// and what is accepted, and never shows a header's value.
func ParseSettings(getenv func(string) string, endpoint string) (Settings, error) {
	e := environment{getenv}
	s := Settings{Header: http.Header{}, Timeout: defaultTimeout}
	err := errors.Join(e.endpoint(&s, endpoint), e.headers(&s), e.timeout(&s), e.tls(&s), e.protocol())
	return s, err
}

type environment struct{ getenv func(string) string }

// lookup returns a setting's value and the variable it is from.
func (e environment) lookup(name string) (key, value string) {
	for _, key := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if v := strings.TrimSpace(e.getenv(key)); v != "" {
			return key, v
		}
	}
	return "", ""
}

func (e environment) endpoint(s *Settings, given string) (err error) {
	key, value := "-endpoint", given
	if value == "" {
		key, value = e.lookup("ENDPOINT")
	}
	if value == "" {
		value = defaultEndpoint
	}
	u, err := url.Parse(value)
	switch {
	case !strings.Contains(value, "://"):
		shown, _, _ := strings.Cut(value[strings.LastIndexByte(value, '@')+1:], "?") // no password
		return fmt.Errorf("%s=%q: no scheme; write http://%s", key, shown, shown)
	case err != nil:
		return fmt.Errorf("%s: no valid URL; write one such as http://collector:4318", key) // it may hold a password
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s=%q: scheme %q is not supported; write http or https", key, target(u), u.Scheme)
	case u.Hostname() == "":
		return fmt.Errorf("%s=%q: no host; write a URL such as http://collector:4318", key, target(u))
	}
	if key == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		u = u.JoinPath(tracesPath)
	}
	s.Endpoint = u
	return nil
}

func (e environment) headers(s *Settings) error {
	key, value := e.lookup("HEADERS")
	for i, entry := range strings.Split(value, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, text, ok := strings.Cut(entry, "=")
		text, err := url.PathUnescape(strings.TrimSpace(text))
		name = strings.TrimSpace(name)
		if !ok || !isToken(name) || err != nil || strings.ContainsFunc(text, isControl) {
			return fmt.Errorf("%s: entry %d is not name=value with a percent-encoded value", key, i+1)
		}
		s.Header.Set(name, text)
	}
	return nil
}

// isToken reports whether name may be that of a header (RFC 9110, 5.6.2).
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// isControl reports whether r may not be in a header's value (RFC 9110, 5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (e environment) timeout(s *Settings) error {
	key, value := e.lookup("TIMEOUT")
	if value == "" {
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return fmt.Errorf("%s=%q: no number of milliseconds; write one such as 10000", key, value)
	}
	s.Timeout = time.Duration(n) * time.Millisecond
	return nil
}

func (e environment) tls(s *Settings) error {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if key, file := e.lookup("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return unreadable(key, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s: no certificate in PEM form in that file", key)
		}
	}
	key, certificate := e.lookup("CLIENT_CERTIFICATE")
	privateKey, private := e.lookup("CLIENT_KEY")
	if (certificate == "") != (private == "") {
		return errors.New("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: set both or none")
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, private)
		if err != nil {
			return unreadable(key+" or "+privateKey, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	s.TLS = cfg
	return nil
}

// unreadable is the error of a file that key names, without the name: somebody may have put the key itself there.
func unreadable(key string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return fmt.Errorf("%s: read that file: %w", key, err)
}

func (e environment) protocol() error {
	key, value := e.lookup("PROTOCOL")
	if value != "" && !strings.EqualFold(value, "http/protobuf") {
		return fmt.Errorf("%s=%q: not supported; write http/protobuf (port 4318 at a collector, not 4317)", key, value)
	}
	return nil
}
