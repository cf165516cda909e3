package otlphttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/epilogue-go/epilogue/internal/redact"
)

// explain makes an error of req printable: on one line, of limited length, without secrets, and with a remedy if one is
// known.
func explain(err error, req *http.Request) error {
	if text := redact.Text(err.Error(), req); text != err.Error() {
		err = &shownError{text: text, err: err}
	}
	if todo := remedy(err, req.URL.Scheme); todo != "" {
		return fmt.Errorf("%w; %s", err, todo)
	}
	return err
}

// remedy returns what to do about err; empty if nothing is known.
func remedy(err error, scheme string) string {
	var unknown x509.UnknownAuthorityError
	var noTLS tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &unknown):
		return "if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE"
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/":
		return "the server speaks plain HTTP: write http:// in the endpoint"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return alertRemedy(remote.Err.Error())
	case strings.Contains(err.Error(), "tls: server selected unsupported protocol version"):
		return oldTLS
	case strings.EqualFold(scheme, "https") && hungUp(err):
		// In TLS 1.3 a server refuses a client's certificate after the client has begun to write, and the write may fail first.
		return "the server hung up; if it wants a client certificate, " + setCertificate
	}
	return ""
}

// hungUp reports whether err means that the server has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

const (
	oldTLS         = "TLS 1.2 is the oldest version that is accepted"
	setCertificate = "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
)

// alertRemedy returns what to do about a TLS alert of the server. crypto/tls tells alerts apart by their text only.
func alertRemedy(alert string) string {
	switch alert {
	case "tls: protocol version not supported":
		return oldTLS
	case "tls: certificate required", "tls: bad certificate", "tls: unknown certificate authority", "tls: unknown certificate", "tls: handshake failure":
		return "the server seems to want another client certificate: " + setCertificate
	}
	return ""
}

// shownError has a text of its own and unwraps to the original error.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }
