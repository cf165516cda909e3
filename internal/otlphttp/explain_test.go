package otlphttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

// An error that has a known remedy names it. crypto/tls has no values for alerts, so the texts are those of its source.
func TestRemedy(t *testing.T) {
	alert := func(text string) error { return &net.OpError{Op: "remote error", Err: errors.New(text)} }
	for _, c := range []struct {
		err    error
		scheme string
		want   string // a part; empty: none
	}{
		{x509.UnknownAuthorityError{}, "https", "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{tls.RecordHeaderError{RecordHeader: [5]byte([]byte("HTTP/"))}, "https", "write http:// in the endpoint"},
		{tls.RecordHeaderError{RecordHeader: [5]byte([]byte("SSH-2"))}, "https", ""},
		{alert("tls: protocol version not supported"), "https", "TLS 1.2"},
		{errors.New("tls: server selected unsupported protocol version 302"), "https", "TLS 1.2"},
		{alert("tls: certificate required"), "https", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{alert("tls: internal error"), "https", ""},
		{syscall.EPIPE, "https", "client certificate"},
		{syscall.ECONNRESET, "HTTPS", "client certificate"},
		{syscall.ECONNRESET, "http", ""},
		{io.EOF, "https", ""},
	} {
		got := remedy(fmt.Errorf("send: %w", c.err), parse(t, c.scheme+"://collector.test:4318"))
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s, %v: %q, want %q", c.scheme, c.err, got, c.want)
		}
	}
}
