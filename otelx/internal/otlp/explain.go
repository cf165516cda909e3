package otlp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxSaid is how many bytes of what a server says get into an error or a Result.
	maxSaid = 300
	// minSecret is the length from which a part of a header's value is looked for in texts: shorter ones, such as "Bearer"
	// or a tenant's number, would blot out ordinary words.
	minSecret = 8
	redacted  = "[redacted]"
)

// explain makes an error of net/http fit to be shown: without URLs and header values, and with what to do about it where that is known.
func (s *HTTPSender) explain(ctx context.Context, err error) error {
	var asURL *url.Error
	if errors.As(err, &asURL) {
		err = asURL.Err
	}
	err = s.secrets.redactError(err)
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE", err)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w; the server speaks plain HTTP: write http:// in the endpoint", err)
	}
	return err
}

// proxyFromEnvironment is net/http's, without the proxy's URL, which may hold a password, in its errors.
func proxyFromEnvironment(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("the proxy in HTTPS_PROXY or HTTP_PROXY is no valid URL; write http://host:port")
	}
	return proxy, nil
}

// secrets are texts that must not be seen in errors: values of headers, and of user information and query of the endpoint.
type secrets struct{ replacer *strings.Replacer }

func newSecrets(cfg HTTPConfig) *secrets {
	var pairs []string
	hide := func(text string) {
		if len(text) >= minSecret {
			pairs = append(pairs, text, redacted)
		}
	}
	for _, value := range cfg.Headers {
		hide(value)
		for part := range strings.FieldsSeq(value) {
			hide(part)
		}
	}
	if user := cfg.Endpoint.User; user != nil {
		password, _ := user.Password()
		hide(password)
		hide(user.String())
	}
	hide(cfg.Endpoint.RawQuery)
	for _, values := range cfg.Endpoint.Query() {
		for _, value := range values {
			hide(value)
		}
	}
	return &secrets{replacer: strings.NewReplacer(pairs...)}
}

func (s *secrets) redact(text string) string { return s.replacer.Replace(text) }

// redactError returns err, or where its text holds a secret an error that says the same without it and unwraps to err.
func (s *secrets) redactError(err error) error {
	text := err.Error()
	if clean := s.redact(text); clean != text {
		return &redactedError{text: clean, err: err}
	}
	return err
}

// redactedError shows another text than the error it stands for.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// printable is text on one line without control characters, cut to maxSaid bytes.
func printable(text string) string {
	var b strings.Builder
	space := false // one is due before the next rune
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r)+1 > maxSaid {
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
