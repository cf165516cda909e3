package otlphttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

const contentType = "application/x-protobuf"

// Sender sends the requests of one signal to one endpoint. It is safe for concurrent use.
type Sender struct {
	client *Client
	cfg    EndpointConfig
	target string // the URL in errors
}

// Target returns the endpoint's URL without user information, query and fragment.
func (s *Sender) Target() string { return s.target }

// Send makes one attempt to deliver body, an encoded OTLP request. It returns when the response is read, when ctx ends,
// or after the endpoint's timeout. The error is nil if and only if the outcome is Accepted.
//
//   - A 2xx response is an acceptance, even if its body is malformed or cut off; then Result.Message says so.
//   - 429, 502, 503 and 504 are retryable, after the Retry-After of the response if there is one.
//   - An attempt without a response is retryable: connection, TLS, proxy, signing and timeout errors.
//     Result.AnswersLost says whether the backend may have taken it.
//   - 413 means too large. Every other status from 400 is a refusal, unless Classify says otherwise.
//   - 307 and 308 are followed at most twice, to the same scheme, host and port. With other redirects the items are
//     kept for the next flush.
//   - A response body that exceeds the endpoint's MaxResponse makes any response a refusal.
//
// Send does not change body, and does not read it after it has returned.
func (s *Sender) Send(ctx context.Context, body []byte) (delivery.Result, error) {
	attempt := ctx
	if s.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		attempt, cancel = context.WithTimeout(ctx, s.cfg.Timeout)
		defer cancel()
	}
	if s.cfg.Gzip {
		c := s.client.gzips.Get().(*compressor)
		defer s.client.gzips.Put(c)
		body = c.compress(body)
	}
	content := &payload{data: body}
	defer content.release() // before the compressor is put back
	target, last, lost := s.cfg.URL, answer{}, 0
	for redirects := 0; ; redirects++ {
		resp, unanswered, err := s.post(withRequest(attempt), target, content)
		lost += unanswered
		switch {
		case redirects > 0 && errors.Is(err, errSign): // the signer refuses the new path
			res, _ := s.classify(last)
			return res, fmt.Errorf("%w: %w", s.redirected(last), err)
		case err != nil:
			if ctx.Err() == nil && attempt.Err() != nil {
				err = fmt.Errorf("no answer within %v: %w", s.cfg.Timeout, err)
			}
			return delivery.Result{Outcome: retryOutcome(err), AnswersLost: lost}, fmt.Errorf("send to %s: %w", s.target, err)
		}
		last = s.read(resp)
		if target = last.redirect(); target == nil || redirects == maxRedirects {
			res, err := s.classify(last)
			res.AnswersLost = lost
			return res, err
		}
	}
}

// maxRedirects is how often a request is redirected.
const maxRedirects = 2

// retryOutcome returns RetryNextFlush if a signer's error asks for it. An error that panics when asked does not.
func retryOutcome(err error) delivery.Outcome {
	outcome := delivery.Retryable
	_ = bounded.Protect(func() {
		var e interface{ RetryNextFlush() bool }
		if errors.As(err, &e) && e.RetryNextFlush() {
			outcome = delivery.RetryNextFlush
		}
	})
	return outcome
}

// post sends content to target. If a kept connection breaks, it sends content once more on a new one. net/http does
// that only for requests that it takes for idempotent, and only until it has written a part of the body. lost counts
// the requests that were written and got no response.
func (s *Sender) post(ctx context.Context, target *url.URL, content *payload) (resp *http.Response, lost int, err error) {
	for retried := false; ; retried = true {
		connected, reused := false, false
		var written atomic.Bool // net/http says so before it hands the last bytes to the connection
		req := s.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(conn httptrace.GotConnInfo) {
				connected, reused = true, conn.Reused
				written.Store(false) // net/http could not write it to another connection
			},
			WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
		}), target, content)
		if err := s.sign(ctx, req, content.data); err != nil {
			return nil, lost, explain(err, req)
		}
		resp, err := s.client.transport.RoundTrip(req)
		err = bounded.Safe(err) // of a connection that Dial returned
		if err == nil {
			return resp, lost, nil
		}
		if written.Load() {
			lost++
		}
		if connected || ctx.Err() == nil { // otherwise no connection broke, and the dial may serve the next request
			s.client.transport.CloseIdleConnections()
		}
		if !reused || retried {
			return nil, lost, explain(err, req)
		}
	}
}

// request builds the request that sends content to target.
func (s *Sender) request(ctx context.Context, target *url.URL, content *payload) *http.Request {
	to := *target
	req := (&http.Request{
		Method: http.MethodPost,
		URL:    &to,
		Host:   to.Host,
		Header: make(http.Header, len(s.cfg.Headers)+4),
	}).WithContext(ctx)
	content.attach(req)
	req.Header.Set("User-Agent", s.client.cfg.UserAgent)
	if user := s.cfg.URL.User; user != nil {
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
	return req
}

var errSign = errors.New("sign request")

// sign calls the signer if there is one.
func (s *Sender) sign(ctx context.Context, req *http.Request, body []byte) (err error) {
	if s.cfg.Sign == nil {
		return nil
	}
	if fault := bounded.Protect(func() { err = s.cfg.Sign(ctx, req, body) }); fault != nil {
		err = fault
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errSign, bounded.Safe(err))
	}
	return nil
}
