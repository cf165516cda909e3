package otlp

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/redact"
)

// maxRetryAfter bounds what a backend can ask for.
const maxRetryAfter = 24 * time.Hour

// answer reads resp and turns it into what Send returns.
func (s *HTTPSender) answer(resp *http.Response) (Result, error) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the connection, which does not end with the context.
		_ = resp.Body.Close()
		return Result{}, fmt.Errorf("send to %s: %s; does the endpoint lead to an OTLP receiver?", s.target, statusText(resp.StatusCode))
	}
	body, err := readAnswer(resp.Body)
	switch code := resp.StatusCode; code / 100 {
	case 2:
		return accepted(resp, body, err), nil
	case 3:
		return Result{}, fmt.Errorf("send to %s: redirect (%s) to %s not followed; set the endpoint to the final address",
			s.target, statusText(code), redact.Text(location(resp), resp.Request))
	default:
		res := Result{Retryable: retryable(code), TooLarge: code == http.StatusRequestEntityTooLarge}
		said := redact.Text(refusal(resp.Header, body), resp.Request)
		if !res.Retryable && !res.TooLarge {
			res.Hint, res.Retryable = s.hint(code, said)
		}
		if res.Retryable {
			res.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		}
		if said != "" {
			return res, fmt.Errorf("send to %s: %s: %s", s.target, statusText(code), said)
		}
		return res, fmt.Errorf("send to %s: %s", s.target, statusText(code))
	}
}

// hint is what the user can do about a refusal that OTLP counts as final, and whether it passes; empty where that is not
// known, or nobody is to be asked. A panic knows nothing: what the server said is to be heard all the same.
func (s *HTTPSender) hint(status int, said string) (todo string, passes bool) {
	if s.cfg.Hint == nil {
		return "", false
	}
	defer func() {
		if recover() != nil {
			todo, passes = "", false
		}
	}()
	return s.cfg.Hint(status, said)
}

// accepted reads the answer to an accepted request. Whatever is wrong with it, the spans have arrived.
func accepted(resp *http.Response, body []byte, readErr error) Result {
	switch {
	case readErr != nil:
		return Result{Message: redact.Text("accepted, but the answer could not be read: "+readErr.Error(), resp.Request)}
	case isEncoded(resp.Header):
		return Result{Message: "accepted, but the answer is compressed, which was not asked for"}
	case !isProtobuf(resp.Header):
		return Result{Message: otherAnswer(resp.Header)}
	}
	rejected, message, err := decodeResponse(body)
	if err != nil {
		return Result{Message: "accepted, but the answer is malformed: " + err.Error()}
	}
	return Result{Rejected: rejected, Message: redact.Text(string(message), resp.Request)}
}

// otherAnswer is what to say about an accepted request whose answer is not protobuf. Servers that answer with JSON or
// nothing much exist and do no harm; a web page is the sign of an endpoint where no receiver listens.
func otherAnswer(header http.Header) string {
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err == nil && media == "text/html" {
		return "the answer is a web page; does the endpoint lead to an OTLP receiver?"
	}
	return ""
}

// refusal is what a server said about a request that it did not accept: the message of a google.rpc.Status, or text.
func refusal(header http.Header, body []byte) string {
	if isEncoded(header) {
		return "(the answer is compressed, which was not asked for)"
	}
	if isProtobuf(header) {
		if code, message, err := decodeStatus(body); err == nil {
			if len(message) == 0 && code != 0 {
				return fmt.Sprintf("google.rpc.Status code %d", code)
			}
			return string(message)
		}
	}
	return string(body)
}

// retryable says which answers the specification marks as such (OTLP specification, "Retryable Response Codes").
func retryable(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// parseRetryAfter reads a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3). What it can not read and what
// lies in the past is 0; more than a day is a day.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// isProtobuf reports whether a body is OTLP's binary form; an answer that does not say is taken to match the request.
func isProtobuf(header http.Header) bool {
	value := header.Get("Content-Type")
	if value == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(value)
	return err == nil && (media == contentType || media == "application/protobuf")
}

// isEncoded reports whether a body is compressed. It is never decompressed: a few bytes can stand for gigabytes.
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

// location is where a redirect points to, without what could be secret.
func location(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return shownURL(to)
}

// shownURL is u without user information, query and fragment.
func shownURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
