package otlphttp

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/otlp/response"
	"github.com/epilogue-go/epilogue/internal/redact"
)

// maxRetryAfter bounds a Retry-After.
const maxRetryAfter = 24 * time.Hour

// WebPage is the message of an accepted request that was answered by a web page. Most likely no OTLP receiver listens at
// the endpoint.
const WebPage = "the answer is a web page; does the endpoint lead to an OTLP receiver?"

// classify reads resp and returns what Send returns.
func (s *Sender) classify(resp *http.Response) (Result, error) {
	res := Result{Answered: true, Status: resp.StatusCode, Outcome: Refused}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close() // the body is the connection, which does not end with the context
		return res, s.failure(resp, "does the endpoint lead to an OTLP receiver?", "; ")
	}
	body, err := readBody(resp.Body)
	switch resp.StatusCode / 100 {
	case 2:
		res.Outcome = Accepted
		res.Rejected, res.Message = accepted(resp, body, err)
		return res, nil
	case 3:
		return res, fmt.Errorf("send to %s: redirect (%s) to %s not followed; set the endpoint to the final address",
			s.target, statusText(resp.StatusCode), redact.Text(location(resp), resp.Request))
	}
	said := redact.Text(refusal(resp.Header, body), resp.Request)
	res.Outcome = outcomeOf(resp.StatusCode)
	if res.Outcome == Refused {
		s.explainRefusal(&res, said)
	}
	if res.Outcome == Retryable {
		res.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return res, s.failure(resp, said, ": ")
}

// failure returns an error with the status of resp and, after the separator, a text unless that is empty.
func (s *Sender) failure(resp *http.Response, text, separator string) error {
	if text == "" {
		separator = ""
	}
	return fmt.Errorf("send to %s: %s%s%s", s.target, statusText(resp.StatusCode), separator, text)
}

// outcomeOf classifies a status that is neither success nor redirect (OpenTelemetry Protocol Specification, "Retryable
// Response Codes").
func outcomeOf(status int) Outcome {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Retryable
	}
	return Refused
}

// explainRefusal asks the endpoint's Classify about a refusal.
func (s *Sender) explainRefusal(res *Result, said string) {
	if s.cfg.Classify == nil {
		return
	}
	_ = bounded.Protect(func() {
		hint, retry := s.cfg.Classify(res.Status, said)
		res.Hint, res.HintKey = hint, hint
		if retry {
			res.Outcome = Retryable
		}
	})
}

// readBody reads at most maxResponse bytes of a response's body and closes it. A connection whose body was read to its end
// can be used again.
func readBody(body io.ReadCloser) (data []byte, err error) {
	data, err = io.ReadAll(io.LimitReader(body, maxResponse+1))
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && len(data) > maxResponse {
		err = fmt.Errorf("longer than %d bytes", maxResponse)
	}
	return data, err
}

// accepted reads the response to an accepted request. The items have arrived even if the response is invalid.
func accepted(resp *http.Response, body []byte, readErr error) (rejected int64, message string) {
	switch {
	case readErr != nil:
		return 0, redact.Text("accepted, but the answer could not be read: "+readErr.Error(), resp.Request)
	case isEncoded(resp.Header):
		return 0, "accepted, but the answer is compressed, which was not asked for"
	case !isProtobuf(resp.Header):
		return 0, otherAnswer(resp.Header)
	}
	rejected, text, err := response.Export(body)
	if err != nil {
		return 0, "accepted, but the answer is malformed: " + err.Error()
	}
	return rejected, redact.Text(string(text), resp.Request)
}

// otherAnswer returns what to say about an acceptance that is not protobuf. Servers that answer with JSON or with nothing
// do no harm; a web page means that no receiver listens at the endpoint.
func otherAnswer(header http.Header) string {
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err == nil && media == "text/html" {
		return WebPage
	}
	return ""
}

// refusal returns what a server said about a refused request: the message of a google.rpc.Status, or text.
func refusal(header http.Header, body []byte) string {
	if isEncoded(header) {
		return "(the answer is compressed, which was not asked for)"
	}
	if isProtobuf(header) {
		if code, message, err := response.Status(body); err == nil {
			if len(message) == 0 && code != 0 {
				return fmt.Sprintf("google.rpc.Status code %d", code)
			}
			return string(message)
		}
	}
	return string(body)
}

// parseRetryAfter reads a Retry-After header in seconds or as a date (RFC 9110, 10.2.3). A value that is unreadable or in
// the past is 0; one of more than a day is a day.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// isProtobuf reports whether a body is OTLP's binary form. A response without a type is taken to match the request.
func isProtobuf(header http.Header) bool {
	value := header.Get("Content-Type")
	if value == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(value)
	return err == nil && (media == contentType || media == "application/protobuf")
}

// isEncoded reports whether a body is compressed. Such a body is never decompressed: a few bytes can stand for gigabytes.
func isEncoded(header http.Header) bool {
	coding := header.Get("Content-Encoding")
	return coding != "" && !strings.EqualFold(coding, "identity")
}

func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return strconv.Itoa(code) + " " + text
	}
	return strconv.Itoa(code)
}

// location returns where a redirect points to.
func location(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return withoutSecrets(to)
}

// withoutSecrets returns u without user information, query and fragment.
func withoutSecrets(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
