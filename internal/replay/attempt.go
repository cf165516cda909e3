package replay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/epilogue-go/epilogue/internal/version"
)

// maxResponse bounds what is read of an answer.
const maxResponse = 64 << 10

// response is what an attempt has come to.
type response struct {
	status     int // 0 for none
	retryable  bool
	retryAfter time.Duration
	rejected   int64
	message    string
}

// attempt sends body once. An error has no secret of the settings in it.
func (s *Sender) attempt(ctx context.Context, body []byte) (response, error) {
	if s.settings.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.settings.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.settings.Endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return response{}, withoutURL(err)
	}
	req.Header.Set("User-Agent", "epilogue-replay/"+version.Version)
	for name, values := range s.settings.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := s.client.Do(req)
	if err != nil {
		distrust := new(tls.CertificateVerificationError)
		return response{retryable: !errors.As(err, &distrust)}, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	res := response{status: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		res.retryable = true // OpenTelemetry Protocol Specification, "Retryable Response Codes"
	}
	switch {
	case res.status/100 != 2:
		return res, fmt.Errorf("the endpoint answered %s%s", resp.Status, explanation(resp.Header, answer))
	case err == nil:
		res.rejected, res.message = partialSuccess(answer)
	}
	return res, nil
}

// withoutURL takes the URL, which may hold a password, out of an error of net/http.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
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

// explanation is the first line of an answer that is text.
func explanation(header http.Header, answer []byte) string {
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "application/json") {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(answer)), "\n")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "…"
	}
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": %q", line)
}

// partialSuccess reads an ExportTraceServiceResponse: partial_success, 1, with rejected_spans, 1, and error_message, 2.
// What can not be read counts as success in full.
func partialSuccess(answer []byte) (rejected int64, message string) {
	inner := field(answer, 1)
	if n, size := protowire.ConsumeVarint(field(inner, 1)); size > 0 {
		rejected = int64(n) //nolint:gosec // as the field has it
	}
	return max(0, rejected), strings.ToValidUTF8(string(field(inner, 2)), "\uFFFD")
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
