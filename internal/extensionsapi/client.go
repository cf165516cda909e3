// Package extensionsapi is a small client for the Lambda Extensions API, for an internal extension: [Client.Register]
// and [Client.Next].
//
// It leaves out init/error and exit/error on purpose: they condemn the whole environment, which is never the right
// answer to a fault of telemetry.
//
// No reply makes the client panic or read without bound. A refusal is an [*Error]. A reply that differs from the
// documentation is an error too.
//
// Facts about the API are from the AWS Lambda Developer Guide, "Lambda Extensions API".
package extensionsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

const (
	apiPath      = "/2020-01-01/extension"
	registerPath = "/register"

	nameHeader       = "Lambda-Extension-Name"
	identifierHeader = "Lambda-Extension-Identifier"

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
// After the registration the platform waits for the extension's first Next before it ends Init. So a reply with an
// identifier is a success, whatever else is wrong with it. The rest of the reply describes the function, and is not
// used.
func (c *Client) Register(ctx context.Context, name string, forInvoke bool) (identifier string, err error) {
	body := `{"events":[]}`
	if forInvoke {
		body = `{"events":["` + invoke + `"]}`
	}
	header, _, err := c.call(ctx, "register", http.MethodPost, registerPath, body, nameHeader, name)
	if identifier = header.Get(identifierHeader); identifier != "" {
		return identifier, nil
	}
	if err == nil {
		err = errors.New("extensions api: register: reply without " + identifierHeader)
	}
	return "", err
}

// RegisterCall is the method and the URL of Register, for a log.
func (c *Client) RegisterCall() string { return http.MethodPost + " " + c.base + registerPath }

// Next tells the platform that the extension has handled the last event, and blocks until there is another one. That
// may be forever: an extension that is registered for no event receives none. A refusal is an [*Error].
func (c *Client) Next(ctx context.Context, identifier string) (Event, error) {
	_, reply, err := c.call(ctx, "next", http.MethodGet, "/event/next", "", identifierHeader, identifier)
	if err != nil {
		return Event{}, err
	}
	event, err := parseEvent(reply)
	if err != nil {
		return Event{}, fmt.Errorf("extensions api: next: %w", err)
	}
	return event, nil
}

// call makes one request with one header and returns the header and body of its reply. If the status is 200, the header
// is valid even if there is an error. The API has no redirects: a redirect is a refusal with its status.
func (c *Client) call(ctx context.Context, op, method, path, body, key, value string) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("extensions api: %s: %w", op, err)
	}
	request.Header.Set(key, value)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.RoundTrip(request)
	if err != nil {
		return nil, nil, fmt.Errorf("extensions api: %s: %s", op, excerpt(err.Error()))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusSwitchingProtocols { // its body is the connection, which no context ends
		return nil, nil, refusal(op, response.StatusCode, nil)
	}
	// It reads to the end, so that the connection can be used again.
	reply, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if len(reply) > maxBody {
		err = fmt.Errorf("more than %d bytes", maxBody)
	}
	if response.StatusCode != http.StatusOK {
		return nil, nil, refusal(op, response.StatusCode, reply)
	}
	if err != nil {
		return response.Header, nil, fmt.Errorf("extensions api: %s: read reply: %w", op, err)
	}
	return response.Header, reply, nil
}
