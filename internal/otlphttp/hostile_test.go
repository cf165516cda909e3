package otlphttp

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// tlsHandshake is the first byte of a TLS connection.
const tlsHandshake = 22

// rawBackend answers each connection with serve, after the request "spans" has been read.
func rawBackend(t *testing.T, cfg config, serve func(net.Conn)) *testSender {
	t.Helper()
	network := new(lambdatest.Network)
	l, err := network.Listen("collector.test:4318")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var request []byte
				for b := make([]byte, 4096); !bytes.HasSuffix(request, []byte("spans")); {
					n, err := conn.Read(b)
					if request = append(request, b[:n]...); err != nil || n == 0 || request[0] == tlsHandshake {
						break
					}
				}
				serve(conn)
			}()
		}
	}()
	if cfg.Endpoint == nil {
		cfg.Endpoint = parse(t, "http://collector.test:4318/v1/traces")
	}
	cfg.Dial = network.DialContext
	sender := newSender(cfg)
	t.Cleanup(func() {
		_ = sender.Close()
		_ = l.Close()
		<-done
	})
	return sender
}

// pour writes text repeatedly with a pause between, until the peer closes, and returns the number of bytes.
func pour(conn net.Conn, begin, text string, pause time.Duration) (written int) {
	_, err := io.WriteString(conn, begin)
	for err == nil && written < 64<<20 {
		var n int
		n, err = io.WriteString(conn, text)
		written += n
		time.Sleep(pause)
	}
	return written
}

// A bounded part of a response is read, and the attempt ends in time however slow the response is.
func TestAnswersWithoutEnd(t *testing.T) {
	const timeout = 3 * time.Second
	for name, test := range map[string]struct {
		begin, text string
		pause       time.Duration
		err         string // empty: accepted, with a remark
	}{
		"status line":        {"HTTP/1.1 ", "x", 0, "server response headers exceeded"},
		"header":             {"HTTP/1.1 200 OK\r\n", "X-More: of the same\r\n", 0, "server response headers exceeded"},
		"one header":         {"HTTP/1.1 200 OK\r\nX-Long: ", "0123456789", 0, "server response headers exceeded"},
		"informational":      {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0, "server response headers exceeded"},
		"body":               {"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n", "spans", 0, ""},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0, ""},
		"slow header":        {"HTTP/1.1 200 OK\r\n", "X-More: of the same\r\n", time.Second, "no answer within 3s"},
		"slow informational": {"", "HTTP/1.1 102 Processing\r\n\r\n", time.Second, "no answer within 3s"},
		"slow body":          {"HTTP/1.1 200 OK\r\n\r\n", "x", time.Second, ""},
		"silence":            {"", "", time.Second, "no answer within 3s"},
		"another protocol":   {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "", time.Second, "101 Switching Protocols; does the endpoint lead to an OTLP receiver?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var written atomic.Int64
				sender := rawBackend(t, config{Timeout: timeout}, func(conn net.Conn) {
					written.Store(int64(pour(conn, test.begin, test.text, test.pause)))
				})
				begun := time.Now()
				res, err := sender.Send(t.Context(), []byte("spans"))
				if test.err == "" && (err != nil || !strings.Contains(res.Message, "could not be read")) ||
					test.err != "" && !strings.Contains(errorText(err), test.err) {
					t.Errorf("%+v, error %q, want %q", res, errorText(err), test.err)
				}
				if took := time.Since(begun); took > timeout {
					t.Errorf("took %v", took)
				}
				if n := len(errorText(err)) + len(res.Message); n > 500 {
					t.Errorf("%d bytes of text", n)
				}
				time.Sleep(time.Minute) // the other end notices
				if n := written.Load(); n > 1<<20 {
					t.Errorf("%d bytes taken", n)
				}
			})
		})
	}
}

// A compressed response, which was not requested, is not decompressed: it could become gigabytes.
func TestCompressedAnswerIsNotExpanded(t *testing.T) {
	for status, want := range map[int]string{
		200: "accepted, but the answer is compressed, which was not asked for",
		400: "400 Bad Request: (the answer is compressed, which was not asked for)",
	} {
		b := newBackend(t, config{}, respond(status, contentType, []byte("\x1f\x8b\x08 and so on"), "Content-Encoding", "gzip"))
		res, err := b.sender.Send(t.Context(), []byte("spans"))
		if got := res.Message + errorText(err); !strings.HasSuffix(got, want) {
			t.Errorf("%d: %q", status, got)
		}
	}
}

// The target of a redirect gets neither spans nor credentials.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(respond(status, contentType, nil, "Location", other.URL+"/v1/traces?to=s3cret"))
		sender := newSender(config{Endpoint: parse(t, here.URL), Headers: map[string]string{"api-key": "s3cret"}})
		res, err := sender.Send(t.Context(), []byte("spans"))
		if want := "to " + other.URL + "/v1/traces not followed; set the endpoint to the final address"; res.Outcome != Refused || res.Status != status || !strings.HasSuffix(errorText(err), want) {
			t.Errorf("%d: %+v, %v", status, res, err)
		}
		_ = sender.Close()
		here.Close()
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}
