package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxSaid is how many bytes of what a server says get into an error or a Result.
	maxSaid = 300
	// minSecret is the length from which a header's value is looked for in texts: shorter ones would blot out ordinary
	// words.
	minSecret = 4
	redacted  = "[redacted]"
)

// explain makes an error of net/http fit to be shown: without header values, and with what to do about it where that is
// known.
func (s *HTTPSender) explain(err error) error {
	err = s.secrets.redactError(err)
	var unknown x509.UnknownAuthorityError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE", err)
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/":
		return fmt.Errorf("%w; the server speaks plain HTTP: write http:// in the endpoint", err)
	}
	return err
}

// secrets are texts that must not be seen in errors, longest first.
type secrets []string

// secretsOf collects the values of headers (of "Bearer abc" the abc too) and the endpoint's user information and query.
func secretsOf(cfg HTTPConfig) secrets {
	var found secrets
	for _, value := range cfg.Headers {
		found = append(found, value)
		if parts := strings.Fields(value); len(parts) > 1 {
			found = append(found, parts[1:]...)
		}
	}
	if user := cfg.Endpoint.User; user != nil {
		password, _ := user.Password()
		found = append(found, user.String(), password)
	}
	found = append(found, cfg.Endpoint.RawQuery)
	for _, values := range cfg.Endpoint.Query() {
		found = append(found, values...)
	}
	found = slices.DeleteFunc(found, func(text string) bool { return len(text) < minSecret })
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}

func (s secrets) redact(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// redactError returns err, or where its text holds a secret an error that says the same without it and unwraps to err.
func (s secrets) redactError(err error) error {
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
