package otlphttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// backend is a server in memory with a sender to it.
type backend struct {
	tb     testing.TB
	server *http.Server
	served sync.WaitGroup
	sender *testSender

	mu       sync.Mutex
	conns    []net.Conn // accepted so far
	received [][]byte   // bodies as on the wire
}

// config is what a test sets of a Client and of its one endpoint.
type config struct {
	Endpoint     *url.URL
	Headers      map[string]string
	Timeout      time.Duration
	Gzip         bool
	MaxResponse  int64
	Authorities  *x509.CertPool
	Certificates []tls.Certificate
	Dial         func(ctx context.Context, network, addr string) (net.Conn, error)
	Sign         func(ctx context.Context, req *http.Request, body []byte) error
	Classify     func(status int, message string) (hint string, retry bool)
	UserAgent    string
}

// testSender is a Sender with a Client of its own.
type testSender struct{ *Sender }

func newSender(cfg config) *testSender {
	client := NewClient(ClientConfig{
		Authorities: cfg.Authorities, Certificates: cfg.Certificates, Dial: cfg.Dial, UserAgent: cfg.UserAgent,
	})
	return &testSender{client.Endpoint(EndpointConfig{
		URL: cfg.Endpoint, Sign: cfg.Sign, Headers: cfg.Headers, Timeout: cfg.Timeout, Gzip: cfg.Gzip, Classify: cfg.Classify, MaxResponse: cfg.MaxResponse,
	})}
}

func (s *testSender) Close() error { return s.client.Close() }

// newBackend serves handle after it has read the body; nil answers 200.
func newBackend(tb testing.TB, cfg config, handle http.HandlerFunc) *backend {
	tb.Helper()
	b := &backend{tb: tb}
	b.server = &http.Server{
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateNew {
				b.mu.Lock()
				b.conns = append(b.conns, c)
				b.mu.Unlock()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			b.mu.Lock()
			b.received = append(b.received, data)
			b.mu.Unlock()
			if handle != nil {
				handle(w, r)
			}
		}),
	}
	if cfg.Endpoint == nil {
		cfg.Endpoint = parse(tb, "http://collector.test:4318/v1/traces")
	}
	if cfg.Dial == nil {
		network := new(lambdatest.Network)
		b.listen(network)
		cfg.Dial = network.DialContext
	}
	b.sender = newSender(cfg)
	tb.Cleanup(func() {
		if err := b.sender.Close(); err != nil {
			tb.Error(err)
		}
		_ = b.server.Close()
		b.served.Wait()
	})
	return b
}

// listen serves collector.test on network until the end of the test.
func (b *backend) listen(network *lambdatest.Network) {
	b.tb.Helper()
	l, err := network.Listen("collector.test:4318")
	if err != nil {
		b.tb.Fatal(err)
	}
	b.served.Go(func() { _ = b.server.Serve(l) })
}

func parse(tb testing.TB, raw string) *url.URL {
	tb.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func (b *backend) connections() []net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]net.Conn(nil), b.conns...)
}

// mustSend fails the test unless body is accepted without a message.
func (b *backend) mustSend(body string) {
	b.tb.Helper()
	if res, err := b.sender.Send(b.tb.Context(), []byte(body)); err != nil || res.Outcome != delivery.Accepted || res.Rejected != 0 || res.Message != "" {
		b.tb.Errorf("Send: %+v, %v", res, err)
	}
}

// sendAll sends body n times at once.
func (b *backend) sendAll(n int, body string) {
	b.tb.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { b.mustSend(body) })
	}
	wg.Wait()
}

func respond(status int, contentType string, body []byte, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}
