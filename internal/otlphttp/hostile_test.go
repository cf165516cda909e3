package otlphttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"

	"github.com/epilogue-go/epilogue/internal/delivery"
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
		"body":               {"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n", "spans", 0, "the answer is longer than 4194304 bytes"},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0, "the answer is longer than 4194304 bytes"},
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
				if n := written.Load(); n > 8*defaultMaxResponse {
					t.Errorf("%d bytes taken", n)
				}
			})
		})
	}
}

const setFinal = "; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address"

// TestRedirects: 307 and 308 are followed twice at most, to the same origin, with the request as it was. Other
// redirects keep the items, and their target gets neither spans nor credentials.
func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	const notFollowed = "not followed" + setFinal
	for name, test := range map[string]struct {
		status    int
		locations []string // of the answers, one after another
		requests  []string // that arrive
		refusedBy string   // the path that the signer refuses
		err       string   // its end; empty: delivered
	}{
		"once":                {307, []string{"/b?x=1"}, []string{"/v1/traces", "/b?x=1"}, "", ""},
		"twice":               {308, []string{"http://HERE/b", "c/"}, []string{"/v1/traces", "/b", "/c/"}, "", ""},
		"three times":         {308, []string{"/b", "/c", "/d"}, []string{"/v1/traces", "/b", "/c"}, "", "/d not followed after 2 others" + setFinal},
		"with userinfo":       {307, []string{"http://me:s3cret@HERE/b"}, []string{"/v1/traces", "/b"}, "", ""},
		"moved permanently":   {301, []string{"/b"}, []string{"/v1/traces"}, "", notFollowed},
		"found":               {302, []string{"/b"}, []string{"/v1/traces"}, "", notFollowed},
		"see other":           {303, []string{"/b"}, []string{"/v1/traces"}, "", notFollowed},
		"another host":        {307, []string{other.URL + "/v1/traces?to=s3cret"}, []string{"/v1/traces"}, "", notFollowed},
		"another host, later": {308, []string{"/b", other.URL}, []string{"/v1/traces", "/b"}, "", notFollowed},
		"another scheme":      {307, []string{"https://HERE/v1/traces"}, []string{"/v1/traces"}, "", notFollowed},
		"another port":        {307, []string{"http://127.0.0.1:1/v1/traces"}, []string{"/v1/traces"}, "", notFollowed},
		"not signed":          {307, []string{"/other"}, []string{"/v1/traces"}, "/other", "/other: sign request: not for this path"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests []string
			here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != "spans" || r.Method != http.MethodPost || r.Header.Get("Api-Key") != "s3cret" || r.Header.Get("Signed") != r.URL.Path {
					t.Errorf("%s %s with %q, headers %v", r.Method, r.URL, body, r.Header)
				}
				requests = append(requests, r.RequestURI)
				if len(requests) <= len(test.locations) {
					w.Header().Set("Location", strings.Replace(test.locations[len(requests)-1], "HERE", r.Host, 1))
					w.WriteHeader(test.status)
				}
			}))
			defer here.Close()
			sender := newSender(config{
				Endpoint: parse(t, here.URL+"/v1/traces"), Headers: map[string]string{"api-key": "s3cret"},
				Sign: func(_ context.Context, r *http.Request, _ []byte) error {
					if r.URL.Path == test.refusedBy {
						return errors.New("not for this path")
					}
					r.Header.Set("Signed", r.URL.Path)
					return nil
				},
			})
			defer func() { _ = sender.Close() }()
			res, err := sender.Send(t.Context(), []byte("spans"))
			if !slices.Equal(requests, test.requests) {
				t.Errorf("requests %q, want %q", requests, test.requests)
			}
			if followed := len(requests) > len(test.locations); followed != (err == nil) || !followed &&
				(res.Outcome != delivery.RetryNextFlush || !strings.HasSuffix(err.Error(), test.err)) {
				t.Errorf("%+v, %v", res, err)
			}
			if strings.Contains(errorText(err), "s3cret") {
				t.Errorf("a secret in %v", err)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

// TestLongAnswers: a response of more than MaxResponse bytes is a refusal, whatever its status. Of a shorter one 64 KiB
// are read and the rest is discarded, so that its connection serves the next request.
func TestLongAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status      int
		most        int64
		bytes       int
		chunked     bool
		want        delivery.Outcome
		says        string // the message or the error
		connections int    // for two requests
	}{
		"in memory":             {200, 0, 10, false, delivery.Accepted, "", 1},
		"discarded":             {200, 0, 4 << 20, false, delivery.Accepted, "could not be read: longer than 65536 bytes", 1},
		"too long":              {200, 0, 4<<20 + 1, false, delivery.Refused, "(EPILOGUE_MAX_RESPONSE_SIZE), but the request may have been accepted", 2},
		"too long, in chunks":   {200, 0, 4<<20 + 1, true, delivery.Refused, "the answer is longer than 4194304 bytes", 1},
		"too long to retry":     {503, 0, 5 << 20, true, delivery.Refused, "the answer is longer", 2},
		"a refusal, discarded":  {503, 0, 1 << 20, true, delivery.Retryable, "503 Service Unavailable: xxx", 1},
		"a larger limit":        {200, 8 << 20, 8 << 20, true, delivery.Accepted, "longer than 65536 bytes", 1},
		"a small limit":         {200, 100, 101, true, delivery.Refused, "longer than 100 bytes (EPILOGUE_MAX_RESPONSE_SIZE)", 2},
		"exactly a small limit": {200, 100, 100, true, delivery.Accepted, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, config{MaxResponse: test.most}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				if !test.chunked {
					w.Header().Set("Content-Length", strconv.Itoa(test.bytes))
				}
				w.WriteHeader(test.status)
				_, _ = w.Write(bytes.Repeat([]byte("x"), test.bytes))
			})
			for range 2 {
				res, err := b.sender.Send(t.Context(), []byte("spans"))
				if res.Outcome != test.want || !strings.Contains(res.Message+errorText(err), test.says) {
					t.Errorf("%+v, %v", res, err)
				}
			}
			if n := len(b.connections()); n != test.connections {
				t.Errorf("%d connections, want %d", n, test.connections)
			}
		})
	}
}

// TestHintsAboutTheEndpoint: of a refusal, only what shows a wrong path, a gRPC server or a proxy before one has a
// hint.
func TestHintsAboutTheEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint string
		handle   http.HandlerFunc
		hint     string
	}{
		"another path":                   {"http://c:4318/v1", respond(404, "text/plain", nil), checkPath},
		"no path":                        {"http://c:4318", respond(404, "text/plain", nil), checkPath},
		"the usual path":                 {"http://c:4318/otlp/v1/traces", respond(404, "text/plain", nil), ""},
		"the usual path of metrics":      {"http://c:4318/v1/metrics", respond(404, "text/plain", nil), ""},
		"the usual path of logs":         {"http://c:4318/v1/logs", respond(404, "text/plain", nil), ""},
		"the port of gRPC, no OTLP":      {"http://c:4317/v1/traces", respond(404, "text/plain", nil), useHTTP},
		"the port of gRPC, untyped":      {"http://c:4317/v1/traces", respond(415, "", nil), useHTTP},
		"the port of gRPC, unauthorized": {"http://c:4317/v1/traces", respond(401, "text/plain", nil), ""},
		"the port of gRPC, OTLP":         {"http://c:4317/v1/traces", respond(400, contentType, nil), ""},
		"the port of gRPC, OTLP in JSON": {"http://c:4317/v1/traces", respond(400, "application/json", nil), ""},
		"a load balancer":                {"http://c:4318/v1/traces", respond(464, "text/html", nil), useHTTP},
		"gRPC's content type":            {"http://c:4318/v1/traces", respond(415, "application/grpc", nil), useHTTP},
		"gRPC's status":                  {"http://c:4318/v1/traces", respond(400, "", nil, "Grpc-Status", "12"), useHTTP},
		"gRPC's words":                   {"http://c:4318/v1/traces", respond(400, "text/plain", []byte("gRPC requires HTTP/2")), useHTTP},
	} {
		network := new(lambdatest.Network)
		b := newBackend(t, config{Endpoint: parse(t, test.endpoint), Dial: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return network.DialContext(ctx, n, "collector.test:4318")
		}}, test.handle)
		b.listen(network)
		if res, err := b.sender.Send(t.Context(), []byte("spans")); err == nil || res.Hint != test.hint {
			t.Errorf("%s: hint %q, want %q: %v", name, res.Hint, test.hint, err)
		}
	}
	frame := rawBackend(t, config{}, func(conn net.Conn) { // SETTINGS of HTTP/2
		_, _ = conn.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"))
	})
	silent := newBackend(t, config{Endpoint: parse(t, "http://collector.test:4317")}, nil).sender
	for _, sender := range []*testSender{frame, silent} {
		if _, err := sender.Send(t.Context(), []byte("spans")); !strings.Contains(errorText(err), useHTTP) {
			t.Errorf("%v, want %q", err, useHTTP)
		}
	}
}
