package otlphttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
	if todo := remedy(err, req.URL); todo != "" {
		return fmt.Errorf("%w; %s", err, todo)
	}
	return err
}

// remedy returns what to do about err; empty if nothing is known.
func remedy(err error, target *url.URL) string {
	var unknown x509.UnknownAuthorityError
	var noTLS tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &unknown):
		return "if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE"
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/":
		return "the server speaks plain HTTP: write http:// in the endpoint"
	case errors.As(err, &remote) && remote.Op == "remote error" && alertRemedy(remote.Err.Error()) != "":
		return alertRemedy(remote.Err.Error())
	case strings.Contains(err.Error(), http2Frame), port(target) == grpcPort:
		return useHTTP
	case strings.Contains(err.Error(), "tls: server selected unsupported protocol version"):
		return oldTLS
	case strings.EqualFold(target.Scheme, "https") && hungUp(err):
		// In TLS 1.3 a server refuses a client's certificate after the client has begun to write, and the write may
		// fail first.
		return "the server hung up; if it wants a client certificate, " + setCertificate
	}
	return ""
}

// isGRPC reports whether a refusal is that of a gRPC server or of a proxy before one.
func isGRPC(status int, header http.Header, said string) bool {
	const albIncompatible = 464 // of an Application Load Balancer whose target speaks another version of HTTP
	return status == albIncompatible || status == http.StatusHTTPVersionNotSupported || status == http.StatusUpgradeRequired ||
		strings.HasPrefix(mediaType(header), "application/grpc") || header.Get("Grpc-Status") != "" ||
		strings.HasPrefix(said, "gRPC requires HTTP/2") // of grpc-go
}

// isForeign reports whether a refusal may be that of a server for another protocol: it is about the request's form, and
// its body is in neither of OTLP's encodings.
func isForeign(status int, header http.Header) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return mediaType(header) == "" || !isProtobuf(header) && !isJSON(header)
	}
	return false
}

// isUsualPath reports whether a path ends as those of OTLP receivers usually do.
func isUsualPath(path string) bool {
	return strings.HasSuffix(path, "/v1/traces") || strings.HasSuffix(path, "/v1/metrics") || strings.HasSuffix(path, "/v1/logs")
}

// hungUp reports whether err means that the server has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

const (
	// grpcPort is the port of OTLP over gRPC.
	grpcPort = "4317"
	// http2Frame is how net/http shows the beginning of an HTTP/2 frame of less than 256 bytes, with which a gRPC
	// server answers.
	http2Frame = `malformed HTTP response "\x00\x00`
	useHTTP    = "the endpoint looks like OTLP over gRPC; OTLP over HTTP is usually port 4318"
	checkPath  = "is the path of the endpoint right? It is usually /v1/traces, /v1/metrics or /v1/logs, which " +
		"OTEL_EXPORTER_OTLP_ENDPOINT adds and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, _METRICS_ENDPOINT and _LOGS_ENDPOINT do not"

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
