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
	apiPath = "/2020-01-01/extension"

	nameHeader       = "Lambda-Extension-Name"
	identifierHeader = "Lambda-Extension-Identifier"

	// maxBody bounds what is read of any reply, and maxHeader its header. The longest real one, an INVOKE event, has well
	// under 2 KB.
	maxBody   = 64 << 10
	maxHeader = 64 << 10
)

// Client talks to the Extensions API of one environment. Its methods may be called concurrently. Close it when done.
type Client struct {
	base string
	http *http.Transport // no http.Client: there is nothing to follow, and no cookie to keep
}

// New makes a client for the API at runtimeAPI, the value of AWS_LAMBDA_RUNTIME_API ("host:port"), which connects by
// dial. It does not connect yet; a malformed address is an error of the first call.
//
// No proxy is used, whatever the environment says: the address need not be loopback, and a request for the platform
// must not go to HTTP_PROXY. There is no timeout but the context's: Next blocks for as long as the environment is idle.
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

// Close closes the connections that are idle, and those that are being opened for calls that have ended. Calls under way
// are not affected: end their contexts.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Register registers the extension called name, for INVOKE events or for none, and returns the identifier that is to be
// given to Next. A refusal is an [*Error].
//
// From the moment the platform has registered an extension it waits for that extension's first Next before it ends Init.
// So a reply with an identifier is a success whatever else may be wrong with it: the rest describes the function, and is
// not used.
func (c *Client) Register(ctx context.Context, name string, forInvoke bool) (identifier string, err error) {
	body := `{"events":[]}`
	if forInvoke {
		body = `{"events":["` + invoke + `"]}`
	}
	header, _, err := c.call(ctx, "register", http.MethodPost, "/register", body, nameHeader, name)
	if identifier = header.Get(identifierHeader); identifier != "" {
		return identifier, nil
	}
	if err == nil {
		err = errors.New("extensions api: register: reply without " + identifierHeader)
	}
	return "", err
}

// Next tells the platform that the extension is done with the last event, and blocks until it has another one, which
// may take for ever: an extension registered for no event gets none. A refusal is an [*Error].
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

// call makes one request with one header and returns the header and body of its reply. Where the status is 200 the
// header is valid even beside an error. A redirect is not of this API: it is a refusal with its status.
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
		return nil, nil, fmt.Errorf("extensions api: %s: %w", op, brief(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusSwitchingProtocols { // its body is the connection, which no context ends
		return nil, nil, refusal(op, response.StatusCode, nil)
	}
	reply, err := readBounded(response.Body)
	if response.StatusCode != http.StatusOK {
		return nil, nil, refusal(op, response.StatusCode, reply)
	}
	if err != nil {
		return response.Header, nil, fmt.Errorf("extensions api: %s: read reply: %w", op, err)
	}
	return response.Header, reply, nil
}

// readBounded reads r to its end, so that the connection can be used again, or up to maxBody and one byte, which is an
// error. What was read is returned in any case.
func readBounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return body, err
	}
	if len(body) > maxBody {
		return body[:maxBody], fmt.Errorf("more than %d bytes", maxBody)
	}
	return body, nil
}
