package replay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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
		shown := value[strings.LastIndexByte(value, '@')+1:] // no password
		return fmt.Errorf("%s=%q: no scheme; write http://%s", key, shown, shown)
	case err != nil:
		return fmt.Errorf("%s: no valid URL; write one such as http://collector:4318", key) // it may hold a password
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s=%q: scheme %q is not supported; write http or https", key, u.Redacted(), u.Scheme)
	case u.Hostname() == "":
		return fmt.Errorf("%s=%q: no host; write a URL such as http://collector:4318", key, u.Redacted())
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
		if !ok || strings.TrimSpace(name) == "" || err != nil || strings.ContainsAny(text, "\r\n\x00") {
			return fmt.Errorf("%s: entry %d is not name=value with a percent-encoded value", key, i+1)
		}
		s.Header.Set(strings.TrimSpace(name), text)
	}
	return nil
}

func (e environment) timeout(s *Settings) error {
	key, value := e.lookup("TIMEOUT")
	if value == "" {
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return fmt.Errorf("%s=%q: no number of milliseconds", key, value)
	}
	s.Timeout = time.Duration(n) * time.Millisecond
	return nil
}

func (e environment) tls(s *Settings) error {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if key, file := e.lookup("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s=%q: no certificate in PEM form in it", key, file)
		}
	}
	key, certificate := e.lookup("CLIENT_CERTIFICATE")
	_, private := e.lookup("CLIENT_KEY")
	if (certificate == "") != (private == "") {
		return errors.New("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: set both or none")
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, private)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	s.TLS = cfg
	return nil
}

func (e environment) protocol() error {
	key, value := e.lookup("PROTOCOL")
	if value != "" && !strings.EqualFold(value, "http/protobuf") {
		return fmt.Errorf("%s=%q: not supported; write http/protobuf (port 4318 at a collector, not 4317)", key, value)
	}
	return nil
}
