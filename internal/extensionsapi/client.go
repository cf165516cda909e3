// Package extensionsapi is a small client for the Lambda Extensions API (AWS Lambda Developer Guide, "Lambda Extensions
// API"), for an internal extension. It leaves out init/error and exit/error on purpose: they condemn the whole
// environment, which is never the right answer to a fault of telemetry.
//
// No reply makes the client panic or read without bound. A reply that differs from the documentation is an error.
package extensionsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	apiPath      = "/2020-01-01/extension"
	registerPath = "/register"

	nameHeader       = "Lambda-Extension-Name"
	identifierHeader = "Lambda-Extension-Identifier"

	// invoke is the type of the only event that there is: SHUTDOWN exists for external extensions only.
	invoke = "INVOKE"

	// maxBody bounds the body of a reply, and maxHeader its header. The longest real one, an INVOKE event, has well
	// under 2 KB.
	maxBody   = 64 << 10
	maxHeader = 64 << 10
)

// Client talks to the Extensions API of one environment. Its methods may be called concurrently. Close it when done.
type Client struct {
	base string
	http *http.Transport // no http.Client: there are no redirects and no cookies
}

// New makes a client for the API at runtimeAPI, the value of AWS_LAMBDA_RUNTIME_API ("host:port"), which connects by
// dial. It does not connect yet. A malformed address is an error of the first call.
//
// It uses no proxy: the address need not be loopback, and a request for the platform must not go to HTTP_PROXY. It has
// no timeout except the context's: Next blocks for as long as the environment is idle.
func New(runtimeAPI string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Client {
	return &Client{
		base: "http://" + runtimeAPI + apiPath,
		http: &http.Transport{
			Proxy:                  nil,
			DialContext:            dial,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    1,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
}

// Close closes the idle connections, and those that are being opened for calls that have ended. It does not affect
// running calls: end their contexts.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Register registers the extension called name, for INVOKE events or for none, and returns the identifier for Next. A
// refusal is an [*Error].
//
// The platform waits for the first Next of an extension that it has registered before it ends Init. So a reply with an
// identifier is a success, whatever else is wrong with it.
func (c *Client) Register(ctx context.Context, name string, forInvoke bool) (identifier string, err error) {
	body := `{"events":[]}`
	if forInvoke {
		body = `{"events":["` + invoke + `"]}`
	}
	header, _, err := c.call(ctx, http.MethodPost, registerPath, body, nameHeader, name)
	if identifier = header.Get(identifierHeader); identifier != "" {
		return identifier, nil
	}
	if err == nil {
		err = errors.New("reply without " + identifierHeader)
	}
	return "", fmt.Errorf("extensions api: register: %w", err)
}

// RegisterCall is the method and the URL of Register, for a log.
func (c *Client) RegisterCall() string { return http.MethodPost + " " + c.base + registerPath }

// Event is an INVOKE event: the runtime has been given an invocation, or is about to be.
type Event struct {
	RequestID string    // never empty
	Deadline  time.Time // of the invocation; zero if the event has none
}

// Next tells the platform that the extension has handled the last event, and blocks until there is another one. That
// may be forever: an extension that is registered for no event receives none. A refusal is an [*Error].
func (c *Client) Next(ctx context.Context, identifier string) (event Event, err error) {
	_, reply, err := c.call(ctx, http.MethodGet, "/event/next", "", identifierHeader, identifier)
	if err == nil {
		event, err = parseEvent(reply)
	}
	if err != nil {
		return Event{}, fmt.Errorf("extensions api: next: %w", err)
	}
	return event, nil
}

// call makes one request with one header and returns the header and body of its reply. If the status is 200, the header
// is valid even if there is an error. The API has no redirects: a redirect is a refusal with its status.
func (c *Client) call(ctx context.Context, method, path, body, key, value string) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set(key, value)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.RoundTrip(request)
	if err != nil {
		return nil, nil, errors.New(excerpt(err.Error()))
	}
	defer func() { _ = response.Body.Close() }()
	// It reads to the end, so that the connection can be used again.
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if response.StatusCode != http.StatusOK {
		return nil, nil, refusal(response.StatusCode, reply)
	}
	if len(reply) > maxBody {
		err = fmt.Errorf("more than %d bytes", maxBody)
	}
	if err != nil {
		return response.Header, nil, fmt.Errorf("read reply: %w", err)
	}
	return response.Header, reply, nil
}

// parseEvent reads the body of a reply to Next. Anything but an INVOKE with a request id is an error, since the client
// subscribes to nothing else.
func parseEvent(body []byte) (Event, error) {
	var e struct {
		EventType  string `json:"eventType"`
		RequestID  string `json:"requestId"`
		DeadlineMs int64  `json:"deadlineMs"` // since the Unix epoch
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, errors.New("decode event: " + excerpt(err.Error()))
	}
	if e.EventType != invoke {
		return Event{}, fmt.Errorf("unknown event type %q", excerpt(e.EventType))
	}
	if e.RequestID == "" {
		return Event{}, errors.New("INVOKE without requestId")
	}
	event := Event{RequestID: e.RequestID}
	if e.DeadlineMs > 0 {
		event.Deadline = time.UnixMilli(e.DeadlineMs)
	}
	return event, nil
}

// InvalidEventType is the type of the refusal of an event that this kind of extension may not subscribe to. On Lambda
// Managed Instances that is any event.
const InvalidEventType = "Extension.InvalidEventType"

// Error is a refusal by the Extensions API: a reply with another status than 200.
type Error struct {
	Status  int    // HTTP status code
	Type    string // errorType of the reply; empty if it has none
	Message string // errorMessage of the reply, or the beginning of a reply that is not the API's
}

// Error has the status, and the reason if the reply has one.
func (e *Error) Error() string {
	parts := []string{strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))), e.Type, e.Message}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

// refusal makes an Error of a reply with another status than 200.
func refusal(status int, body []byte) *Error {
	var reply struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}
	if json.Unmarshal(body, &reply) != nil {
		return &Error{Status: status, Message: excerpt(string(body))}
	}
	return &Error{Status: status, Type: excerpt(reply.ErrorType), Message: excerpt(reply.ErrorMessage)}
}

// excerptLength bounds the part of a reply that an error repeats.
const excerptLength = 200

// excerpt returns the beginning of s, fit for one line of a log. The errors of net/http and encoding/json repeat parts of
// a reply of any length.
func excerpt(s string) string {
	if len(s) > excerptLength {
		s = s[:excerptLength] + "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
}
