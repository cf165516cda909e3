package otlp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/redact"
	"github.com/epilogue-go/epilogue/internal/version"
)

const (
	// maxIdle is how long a connection may have been idle and still be used again. A frozen environment does not see
	// its connections die: load balancers and collectors close them after 60 seconds, NAT gateways forget them after
	// 350 without a word, and a request sent into such a one hangs until its timeout. net/http compares by the wall
	// clock when it takes an idle connection, so the limit holds across a freeze before any timer has fired.
	maxIdle = 30 * time.Second
	// maxIdleConns is how many connections are kept, which is how many requests of one flush can go out at once without
	// new handshakes at the next. A flush of more requests at once closes the rest.
	maxIdleConns = 8
	// maxHandshake limits connecting and, after that, the TLS handshake, for as long as a request wants them.
	maxHandshake = 10 * time.Second
	// maxAnswer is how many bytes of an answer are read. A longer one is cut off and its connection given up.
	maxAnswer = 64 << 10

	// defaultUserAgent is as the OTLP exporter specification has it, "User Agent".
	defaultUserAgent = "OTel-OTLP-Exporter-Go/epilogue-" + version.Version
	contentType      = "application/x-protobuf"
)

// HTTPConfig says where and how an HTTPSender sends. Only Endpoint is required.
type HTTPConfig struct {
	// Endpoint is the full URL, path included, with scheme http or https. User information in it becomes basic
	// authentication.
	Endpoint *url.URL
	// Headers are set on each request. Content-Type and Content-Encoding are not theirs to set.
	Headers map[string]string
	// Timeout limits one attempt, from connecting to the last byte of the answer; 0 leaves it to the context of Send.
	Timeout time.Duration
	// Gzip compresses requests, at the fastest level: a small function has little CPU.
	Gzip bool
	// Authorities are those that a server's certificate is verified against; nil means the system's. There is no way not
	// to verify.
	Authorities *x509.CertPool
	// Certificates are the client's own, shown to a server that asks for one.
	Certificates []tls.Certificate
	// Dial replaces the connecting itself. nil means TCP, through a proxy where HTTPS_PROXY, HTTP_PROXY and NO_PROXY
	// say so; with a Dial of one's own no proxy is used. Its context ends when the connection is not wanted any more. A
	// panic of it is an error of the attempt.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Sign is called last before each attempt, with the bytes that will be on the wire; it may add headers. It must not
	// keep them. A panic of it is an error of the attempt; one with a method Later() bool that returns true makes
	// Result.Later true.
	Sign func(ctx context.Context, req *http.Request, body []byte) error
	// Hint says of a refusal that OTLP counts as final, of its status and what the server said, shortened and without
	// credentials, what the user can do about it; empty: nothing. With passes it is worth another attempt after all. nil
	// knows nothing, and neither does one that panics.
	Hint func(status int, message string) (todo string, passes bool)
	// UserAgent overrides "OTel-OTLP-Exporter-Go/epilogue-" and the version; a User-Agent in Headers overrides both.
	UserAgent string
}

// HTTPSender sends requests by OTLP/HTTP with binary protobuf, by HTTP/1.1 over a pool of connections of its own.
// It does not use HTTP/2: there one connection carries everything, so one that died in a freeze takes all
// requests of a flush with it, and OTLP/HTTP servers must speak HTTP/1.1 anyway.
//
// Connections are not trusted across a freeze. One that has been idle for more than 30 seconds by the wall clock is
// closed rather than used. If a kept connection proves dead, the request is sent once more on a new one inside the same
// Send, and after any connection error all idle ones are closed.
//
// Over https the server's certificate is verified, and TLS has version 1.2 or later. Redirects are not followed: they
// would carry credentials to another host. Answers are read to at most 64 KiB and never decompressed.
// Errors name the endpoint without user information or query, and never hold the value of a header, a signer's
// included; they are one line of a few hundred bytes.
type HTTPSender struct {
	cfg       HTTPConfig
	transport *http.Transport
	openings  openings
	target    string    // the endpoint as errors show it
	gzips     sync.Pool // of *compressor
}

var _ Sender = (*HTTPSender)(nil)

// NewHTTPSender returns a sender for cfg, whose maps and pointers must not be changed any more. It connects to nothing
// before the first Send.
func NewHTTPSender(cfg HTTPConfig) *HTTPSender {
	s := &HTTPSender{
		cfg:      cfg,
		openings: openings{connect: cfg.Dial, secure: strings.EqualFold(cfg.Endpoint.Scheme, "https")},
		target:   shownURL(cfg.Endpoint),
		gzips:    sync.Pool{New: newCompressor},
	}
	if cfg.Dial == nil {
		s.openings.connect = (&net.Dialer{Timeout: maxHandshake}).DialContext
	}
	s.transport = s.newTransport()
	return s
}

func (s *HTTPSender) newTransport() *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	t := &http.Transport{
		Protocols: &protocols,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: s.cfg.Authorities, Certificates: s.cfg.Certificates,
		},
		TLSHandshakeTimeout:    maxHandshake,
		DialContext:            s.openings.dial,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        maxIdle,
		MaxResponseHeaderBytes: maxAnswer,
		DisableCompression:     true,
	}
	if s.cfg.Dial == nil {
		t.Proxy = redact.Proxy
	}
	return t
}

// Send makes one attempt to deliver body, as [Sender] says.
//
// A 2xx answer is success. 429, 502, 503 and 504 are worth another attempt, after the Retry-After of the answer if
// there is one, and so is any attempt without an answer: connection, TLS, proxy, signing and timeout errors. All else
// is refused for good; of a 413, Result.TooLarge says so. An accepted request whose answer is malformed or cut off
// stays accepted, and Result.Message says so.
func (s *HTTPSender) Send(ctx context.Context, body []byte) (Result, error) {
	attempt, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s.cfg.Timeout > 0 {
		// Not context.WithTimeout: it sets no timer where ctx shows an earlier deadline, and that may yet be put off.
		defer time.AfterFunc(s.cfg.Timeout, func() { cancel(context.DeadlineExceeded) }).Stop()
	}
	if s.cfg.Gzip {
		c := s.gzips.Get().(*compressor)
		defer s.gzips.Put(c)
		body = c.compress(body)
	}
	content := &payload{data: body}
	defer content.release() // runs before the compressor goes back
	resp, err := s.post(attempt, content)
	if err != nil {
		if ctx.Err() == nil && attempt.Err() != nil {
			err = fmt.Errorf("no answer within %v: %w", s.cfg.Timeout, err)
		}
		return Result{Retryable: true, Later: isForLater(err)}, fmt.Errorf("send to %s: %w", s.target, err)
	}
	return s.answer(resp)
}

// isForLater reports whether a signer's error says so of itself. One that panics when asked does not.
func isForLater(err error) (later bool) {
	defer func() {
		if recover() != nil {
			later = false
		}
	}()
	var e interface{ Later() bool }
	return errors.As(err, &e) && e.Later()
}

// post sends content. Where a kept connection breaks, it does so once more on a new one. net/http would do this by
// itself only for requests it takes for idempotent, and not once it has written a part of the body.
func (s *HTTPSender) post(ctx context.Context, content *payload) (*http.Response, error) {
	for retried := false; ; retried = true {
		o := &opening{wanted: ctx}
		got, reused := false, false
		req := s.request(httptrace.WithClientTrace(withOpening(ctx, o), &httptrace.ClientTrace{
			GotConn:          func(conn httptrace.GotConnInfo) { got, reused = true, conn.Reused },
			TLSHandshakeDone: func(tls.ConnectionState, error) { o.settle() },
		}), content)
		if err := s.sign(ctx, req, content.data); err != nil {
			return nil, explain(err, req)
		}
		resp, err := s.transport.RoundTrip(req)
		if err == nil {
			return resp, nil
		}
		if got || ctx.Err() == nil { // else no connection has broken: the one being opened may serve the next request
			s.transport.CloseIdleConnections()
		}
		if !reused || retried {
			return nil, explain(err, req)
		}
	}
}

// request builds the request that sends content.
func (s *HTTPSender) request(ctx context.Context, content *payload) *http.Request {
	endpoint := *s.cfg.Endpoint
	req := (&http.Request{
		Method: http.MethodPost,
		URL:    &endpoint,
		Host:   endpoint.Host,
		Header: make(http.Header, len(s.cfg.Headers)+4),
	}).WithContext(ctx)
	content.attach(req)
	s.setHeaders(req)
	return req
}

// sign has req signed, if it is to be.
func (s *HTTPSender) sign(ctx context.Context, req *http.Request, body []byte) (err error) {
	if s.cfg.Sign == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sign request: panic: %v", p)
		}
	}()
	if err := s.cfg.Sign(ctx, req, body); err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	return nil
}

func (s *HTTPSender) setHeaders(req *http.Request) {
	agent := s.cfg.UserAgent
	if agent == "" {
		agent = defaultUserAgent
	}
	req.Header.Set("User-Agent", agent)
	if user := s.cfg.Endpoint.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	for name, value := range s.cfg.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Del("Content-Encoding")
	if s.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
}

// Close closes the idle connections, those that nobody waits for any more while they are being opened, and those of
// requests under way when they are done. A Send after it opens a new one.
func (s *HTTPSender) Close() error {
	s.openings.letGo()
	s.transport.CloseIdleConnections()
	return nil
}

// readAnswer reads at most maxAnswer bytes of an answer's body and closes it on every path. Where the body was read
// to its end the connection can be used again; otherwise closing ends it.
func readAnswer(body io.ReadCloser) (data []byte, err error) {
	data, err = io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if closeErr := body.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("longer than %d bytes", maxAnswer)
	}
	return data, err
}
