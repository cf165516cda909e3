package replay

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// raw lets say write any bytes instead of a response.
func raw(t *testing.T, say func(conn net.Conn, request string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := httputil.DumpRequest(r, false)
		if err != nil {
			t.Error(err)
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		say(conn, string(request))
	}
}

// Whatever an endpoint sends, the attempt ends, a bounded part is read, and the error holds no credential and no control
// character.
func TestSenderAndHostileEndpoints(t *testing.T) {
	flood := func(begin, part string) func(net.Conn, string) {
		return func(conn net.Conn, _ string) {
			sent, err := io.WriteString(conn, begin)
			for err == nil {
				var n int
				n, err = io.WriteString(conn, part)
				sent += n
			}
			if sent > 8<<20 { // what the kernel's buffers take, and more
				t.Errorf("%d bytes of %q were taken", sent, part)
			}
		}
	}
	line := strings.Repeat("a", 1000)
	for name, tt := range map[string]struct {
		say  func(conn net.Conn, request string)
		want string
	}{
		"a connection instead of an answer": {func(conn net.Conn, _ string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn) // until the other end hangs up
		}, "101 Switching Protocols; does the endpoint lead to an OTLP receiver?"},
		"headers without end":   {flood("HTTP/1.1 200 OK\r\n", "X: "+line+"\r\n"), "server response headers exceeded 65536 bytes"},
		"1xx without end":       {flood("", "HTTP/1.1 103 Early Hints\r\nLink: "+line+"\r\n\r\n"), "server response headers exceeded 65536 bytes"},
		"a refusal without end": {flood("HTTP/1.1 400 x\r\nContent-Type: text/plain\r\n\r\n", line), "400 Bad Request: aaaa"},
		"the request": {func(conn net.Conn, request string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 401 \x1b[31m"+strings.ReplaceAll(request, "\r\n", " ")+"\r\nContent-Type: text/plain\r\n\r\n\x1b[2J"+request)
		}, "401 Unauthorized: ?[2JPOST /v1/traces"},
		"the request as its status": {func(conn net.Conn, request string) {
			_, key, _ := strings.Cut(request, "Api-Key: ")
			_, _ = io.WriteString(conn, "HTTP/1.1 "+key)
		}, "malformed HTTP"},
		"a redirect": {func(conn net.Conn, _ string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 307 x\r\nLocation: http://elsewhere.test/?key=s3cret-key\r\n\r\n")
		}, "redirect (307 Temporary Redirect) to http://elsewhere.test/ not followed; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address"},
		"a web page": {func(conn net.Conn, _ string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
		}, "the answer is a web page; does the endpoint lead to an OTLP receiver?"},
		"a status": {func(conn net.Conn, _ string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 x\r\nContent-Type: application/x-protobuf\r\n\r\n\x08\x03\x12\x08bad span")
		}, "400 Bad Request: bad span"},
		"nothing in time": {func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) }, "no answer within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, raw(t, tt.say))
			u, err := url.Parse("http://us3r-name:p4ssword@" + strings.TrimPrefix(e.URL, "http://") + "/v1/traces?token=t0ken-of-mine")
			if err != nil {
				t.Fatal(err)
			}
			s := NewSender(Settings{Endpoint: otlphttp.EndpointConfig{
				URL: u, Headers: map[string]string{"api-key": "s3cret-key"}, Timeout: 2 * time.Second,
			}})
			defer func() { _ = s.Close() }()
			err = sent(t, s, many(1, 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, secret := range []string{"us3r", "p4ss", "s3cret", "t0ken", "dXMz", "\x1b", "\n"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in the error: %v", secret, err)
				}
			}
			wantCounts(t, s, Counts{Found: 1, Failed: 1})
		})
	}
}
