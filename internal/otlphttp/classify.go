package otlphttp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp/response"
	"github.com/epilogue-go/epilogue/internal/redact"
)

// maxRetryAfter bounds a Retry-After.
const maxRetryAfter = 24 * time.Hour

// WebPage is the message of an accepted request that was answered by a web page. Most likely no OTLP receiver listens
// at the endpoint.
const WebPage = "the answer is a web page; does the endpoint lead to an OTLP receiver?"

// answer is a response whose body is read and closed.
type answer struct {
	*http.Response
	body    []byte // its first bytes
	err     error  // why body is not all
	tooLong bool   // the body exceeds the endpoint's MaxResponse
}

// read reads resp. It keeps at most maxKept bytes of the body and discards the rest, so that the connection can be used
// again.
func (s *Sender) read(resp *http.Response) answer {
	a := answer{Response: resp}
	most := s.maxResponse()
	if resp.StatusCode == http.StatusSwitchingProtocols || resp.ContentLength > most {
		a.tooLong = resp.ContentLength > most
		_ = resp.Body.Close() // after a switch it is the connection, which does not end with the context
		return a
	}
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, min(most, maxKept)))
	rest, err := io.Copy(io.Discard, io.LimitReader(resp.Body, most-int64(len(a.body))+1))
	a.tooLong = int64(len(a.body))+rest > most
	a.err = cmp.Or(a.err, err, resp.Body.Close())
	if a.err == nil && rest > 0 {
		a.err = fmt.Errorf("longer than %d bytes", maxKept)
	}
	return a
}

func (s *Sender) maxResponse() int64 { return cmp.Or(s.cfg.MaxResponse, defaultMaxResponse) }

// redirect returns the address of a redirect to follow; nil if there is none. User information and headers are the
// endpoint's, so the address must be of the same origin.
func (a answer) redirect() *url.URL {
	if a.tooLong || a.StatusCode != http.StatusTemporaryRedirect && a.StatusCode != http.StatusPermanentRedirect {
		return nil
	}
	from := a.Request.URL
	to, err := a.Location()
	if err != nil || !strings.EqualFold(to.Scheme, from.Scheme) || !strings.EqualFold(to.Hostname(), from.Hostname()) ||
		port(to) != port(from) {
		return nil
	}
	return &url.URL{Scheme: from.Scheme, Host: from.Host, Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}
}

// port returns the port of u, with the scheme's default.
func port(u *url.URL) string {
	if strings.EqualFold(u.Scheme, "https") {
		return cmp.Or(u.Port(), "443")
	}
	return cmp.Or(u.Port(), "80")
}

// classify returns what Send returns for a.
func (s *Sender) classify(a answer) (delivery.Result, error) {
	res := delivery.Result{Answered: true, Status: a.StatusCode, Outcome: delivery.Refused}
	switch {
	case a.StatusCode == http.StatusSwitchingProtocols:
		return res, s.failure(a, "does the endpoint lead to an OTLP receiver?", "; ")
	case a.tooLong:
		err := s.failure(a, "", "")
		if a.StatusCode >= http.StatusBadRequest {
			err = s.failure(a, redact.Text(a.refusal(), a.Request), ": ")
		}
		err = fmt.Errorf("%w; the answer is longer than %d bytes (EPILOGUE_MAX_RESPONSE_SIZE)", err, s.maxResponse())
		if a.StatusCode/100 == 2 {
			err = fmt.Errorf("%w, but the request may have been accepted", err)
		}
		return res, err
	case a.StatusCode/100 == 2:
		res.Outcome = delivery.Accepted
		res.Rejected, res.Message = a.accepted()
		return res, nil
	case a.StatusCode/100 == 3:
		res.Outcome = delivery.RetryNextFlush
		reason := "not followed"
		if a.redirect() != nil {
			reason = fmt.Sprintf("not followed after %d others", maxRedirects)
		}
		return res, fmt.Errorf("%w %s; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address",
			s.redirected(a), reason)
	}
	said := redact.Text(a.refusal(), a.Request)
	res.Outcome = outcomeOf(a.StatusCode)
	if res.Outcome == delivery.Refused {
		s.explainRefusal(&res, a.Header, said)
	}
	if res.Outcome == delivery.Retryable {
		res.RetryAfter = parseRetryAfter(a.Header.Get("Retry-After"), time.Now())
	}
	return res, s.failure(a, said, ": ")
}

// redirected returns an error that says where a redirects to.
func (s *Sender) redirected(a answer) error {
	to := redact.Text(location(a.Response), a.Request)
	return fmt.Errorf("send to %s: redirect (%s) to %s", s.target, statusText(a.StatusCode), to)
}

// failure returns an error with the status of a and, after the separator, a text unless that is empty.
func (s *Sender) failure(a answer, text, separator string) error {
	if text == "" {
		separator = ""
	}
	return fmt.Errorf("send to %s: %s%s%s", s.target, statusText(a.StatusCode), separator, text)
}

// outcomeOf classifies a status that is neither success nor redirect (OpenTelemetry Protocol Specification, "Retryable
// Response Codes").
func outcomeOf(status int) delivery.Outcome {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return delivery.TooLarge
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return delivery.Retryable
	}
	return delivery.Refused
}

// explainRefusal asks the endpoint's Classify about a refusal. If that knows nothing, it looks for a wrong endpoint.
func (s *Sender) explainRefusal(res *delivery.Result, header http.Header, said string) {
	if s.cfg.Classify != nil {
		_ = bounded.Protect(func() {
			hint, retry := s.cfg.Classify(res.Status, said)
			res.Hint, res.HintKey = hint, hint
			if retry {
				res.Outcome = delivery.Retryable
			}
		})
	}
	switch {
	case res.Hint != "", res.Outcome != delivery.Refused: // Classify knows it
	case isGRPC(res.Status, header, said), port(s.cfg.URL) == grpcPort && isForeign(res.Status, header):
		res.Hint, res.HintKey = useHTTP, useHTTP
	case res.Status == http.StatusNotFound && !isUsualPath(s.cfg.URL.Path):
		res.Hint, res.HintKey = checkPath, checkPath
	}
}

// accepted returns what the answer to an accepted request says. The items have arrived even if it is invalid. It may be
// in JSON or under any content type. Servers that answer with nothing or with another text do no harm; a web page means
// that no receiver listens at the endpoint.
func (a answer) accepted() (rejected int64, message string) {
	switch {
	case a.err != nil:
		return 0, redact.Text("accepted, but the answer could not be read: "+a.err.Error(), a.Request)
	case isEncoded(a.Header):
		return 0, "accepted, but the answer is compressed, which was not asked for"
	}
	rejected, text, err := response.Export(a.body)
	isPage := mediaType(a.Header) == "text/html"
	if err != nil || isPage {
		var jsonErr error
		rejected, text, jsonErr = response.ExportJSON(a.body)
		switch {
		case jsonErr == nil:
		case isPage:
			return 0, WebPage
		case isJSON(a.Header):
			return 0, "accepted, but the answer is malformed: " + jsonErr.Error()
		case isProtobuf(a.Header):
			return 0, "accepted, but the answer is malformed: " + err.Error()
		}
	}
	return rejected, redact.Text(string(text), a.Request)
}

// refusal returns what a server said about a refused request: the message of a google.rpc.Status, or text.
func (a answer) refusal() string {
	if isEncoded(a.Header) {
		return "(the answer is compressed, which was not asked for)"
	}
	if isProtobuf(a.Header) {
		if code, message, err := response.Status(a.body); err == nil {
			if len(message) == 0 && code != 0 {
				return fmt.Sprintf("google.rpc.Status code %d", code)
			}
			return string(message)
		}
	}
	if !bytes.ContainsFunc(a.body, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "" // no text
	}
	return string(a.body)
}

// parseRetryAfter reads a Retry-After header in seconds or as a date (RFC 9110, 10.2.3). A value that is unreadable or
// in the past is 0; one of more than a day is a day.
func parseRetryAfter(value string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // the largest number, then
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// mediaType returns the type of a body, in lower case and without parameters; empty if it is absent or invalid.
func mediaType(header http.Header) string {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return media
}

// isProtobuf reports whether a body is OTLP's binary form. A response without a type is taken to match the request.
func isProtobuf(header http.Header) bool {
	media := mediaType(header)
	return header.Get("Content-Type") == "" || media == contentType || media == "application/protobuf"
}

// isJSON reports whether a body is in JSON, if only by the suffix of its type (RFC 6839, 3.1).
func isJSON(header http.Header) bool {
	media := mediaType(header)
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// isEncoded reports whether a body is compressed. Such a body is never decompressed: a few bytes can stand for
// gigabytes.
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
