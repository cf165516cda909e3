package replay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/epilogue-go/epilogue/internal/redact"
	"github.com/epilogue-go/epilogue/internal/version"
)

const (
	// maxResponse bounds what is read of an answer, and what is read of its headers, 1xx answers included.
	maxResponse = 64 << 10
	// maxHandshake is the longest that a TLS handshake may take where an attempt has no limit.
	maxHandshake = 10 * time.Second
)

// response is what an attempt has come to.
type response struct {
	status     int // 0 for none
	retryable  bool
	retryAfter time.Duration
	rejected   int64
	message    string
}

// newTransport returns one that keeps to HTTP/1.1, bounds what it reads, and follows no redirect.
func newTransport(cfg *tls.Config) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols: &protocols, TLSClientConfig: cfg, TLSHandshakeTimeout: maxHandshake, Proxy: redact.Proxy,
		MaxResponseHeaderBytes: maxResponse, DisableCompression: true,
	}
}

// attempt sends body once. An error is fit for a terminal, and has no secret of the settings in it.
func (s *Sender) attempt(ctx context.Context, body []byte) (response, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if s.settings.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, s.settings.Timeout)
	}
	defer cancel()
	req, err := s.request(limited, body)
	if err != nil {
		return response{}, err
	}
	resp, err := s.transport.RoundTrip(req)
	distrust := new(tls.CertificateVerificationError)
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		return response{retryable: true}, fmt.Errorf("no answer within %v", s.settings.Timeout)
	case err != nil:
		return response{retryable: !errors.As(err, &distrust)}, errors.New(redact.Text(err.Error(), req))
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	return outcome(resp)
}

// request returns what sends body.
func (s *Sender) request(ctx context.Context, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.settings.Endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the endpoint is no valid URL") // it may hold a password
	}
	req.Header.Set("User-Agent", "epilogue-replay/"+version.Version)
	if user := s.settings.Endpoint.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	for name, values := range s.settings.Header {
		req.Header[name] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	return req, nil
}

// outcome reads an answer.
func outcome(resp *http.Response) (response, error) {
	res := response{status: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	switch resp.StatusCode {
	case http.StatusSwitchingProtocols: // the body is the connection, whose end nobody knows
		return res, answered(resp, "does it lead to an OTLP receiver?")
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		res.retryable = true // OpenTelemetry Protocol Specification, "Retryable Response Codes"
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	switch kind := resp.Header.Get("Content-Type"); {
	case res.status/100 == 3:
		return res, answered(resp, "redirects are not followed; write the final address: "+resp.Header.Get("Location"))
	case res.status/100 != 2:
		return res, answered(resp, explanation(kind, answer))
	case strings.HasPrefix(kind, "text/html"):
		return res, answered(resp, "a web page; does it lead to an OTLP receiver?")
	case err == nil:
		res.rejected, res.message = partialSuccess(answer)
		res.message = redact.Text(res.message, resp.Request)
	}
	return res, nil
}

// answered is an error that names the status of resp, and what there is to say about it.
func answered(resp *http.Response, about string) error {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	if about = redact.Text(about, resp.Request); about == "" {
		return fmt.Errorf("the endpoint answered %s", status)
	}
	return fmt.Errorf("the endpoint answered %s: %s", status, about)
}

// retryAfter reads the header, in seconds or as a date; 0 if there is none.
func retryAfter(value string) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// explanation is what a refusal says: text, or the message, 2, of a google.rpc.Status.
func explanation(kind string, answer []byte) string {
	switch {
	case strings.HasPrefix(kind, "text/html"):
		return ""
	case strings.HasPrefix(kind, "text/"), strings.HasPrefix(kind, "application/json"):
		return string(answer)
	default:
		return string(field(answer, 2))
	}
}

// partialSuccess reads an ExportTraceServiceResponse: partial_success, 1, with rejected_spans, 1, and error_message, 2.
// What can not be read counts as success in full.
func partialSuccess(answer []byte) (rejected int64, message string) {
	inner := field(answer, 1)
	if n, size := protowire.ConsumeVarint(field(inner, 1)); size > 0 {
		rejected = int64(n) //nolint:gosec // as the field has it
	}
	return max(0, rejected), string(field(inner, 2))
}

// field returns the last field of that number in message: its content, or the bytes of a varint.
func field(message []byte, number protowire.Number) (content []byte) {
	for len(message) > 0 {
		num, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(num, kind, message[n:])
		if size < 0 {
			return nil
		}
		value := message[n : n+size]
		if num == number {
			content = value
			if kind == protowire.BytesType {
				content, _ = protowire.ConsumeBytes(value)
			}
		}
		message = message[n+size:]
	}
	return content
}
