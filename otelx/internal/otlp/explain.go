package otlp

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

// explain makes an error of req fit to be shown: on one line, of limited length, without secrets, and with what to do
// about it where that is known.
func explain(err error, req *http.Request) error {
	if text := redact.Text(err.Error(), req); text != err.Error() {
		err = &shownError{text: text, err: err}
	}
	if todo := hint(err, req.URL.Scheme); todo != "" {
		return fmt.Errorf("%w; %s", err, todo)
	}
	return err
}

// hint is what to do about err, where that is known.
func hint(err error, scheme string) string {
	var unknown x509.UnknownAuthorityError
	var noTLS tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &unknown):
		return "if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE"
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/":
		return "the server speaks plain HTTP: write http:// in the endpoint"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return alertHint(remote.Err.Error())
	case strings.Contains(err.Error(), "tls: server selected unsupported protocol version"):
		return oldTLS
	case strings.EqualFold(scheme, "https") && hungUp(err):
		// In TLS 1.3 a server refuses a client's certificate when the client has begun to write, and that may fail first.
		return "the server hung up; if it wants a client certificate, " + setCertificate
	}
	return ""
}

// hungUp reports whether err says that the other end has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

const (
	oldTLS         = "the least that is accepted is TLS 1.2"
	setCertificate = "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
)

// alertHint is what to do about a TLS alert of the server's. crypto/tls has no type for them but their text.
func alertHint(alert string) string {
	switch alert {
	case "tls: protocol version not supported":
		return oldTLS
	case "tls: certificate required", "tls: bad certificate", "tls: unknown certificate authority", "tls: unknown certificate", "tls: handshake failure":
		return "the server seems to want another client certificate: " + setCertificate
	}
	return ""
}

// shownError shows another text than the error it stands for.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }
