package trigger

import (
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// readHTTP reads a request of API Gateway, a load balancer or a function URL.
func readHTTP(d *document, s *Settings) Cause {
	r := requestOf(d)
	return r.cause(s)
}

// readVPCLattice reads a request to a service of VPC Lattice (VPC Lattice User Guide, "Lambda functions as targets").
// Version 1 has the query in the path.
func readVPCLattice(d *document, s *Settings) Cause {
	r := request{
		method: d.Get("method").Text(), headers: headersOf(d.Get("headers"), event.Value{}),
		parameters: d.Get("queryStringParameters").Or(d.Get("query_string_parameters")),
	}
	r.path, r.query, _ = strings.Cut(d.Get("raw_path").Or(d.Get("path")).Text(), "?")
	return r.cause(s)
}

// readWebSocket reads an event of a WebSocket API of API Gateway: the beginning of a connection, with the headers of
// its handshake, a message, or the end (API Gateway Developer Guide, "WebSocket API"). The route is what a message was
// matched to, such as "$connect" or "sendOrder".
func readWebSocket(d *document, s *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerHTTP)
	c.HTTP = true
	r := requestOf(d)
	r.scheme = "https" // there are no APIs without TLS
	c.add(semconv.NetworkProtocolName("websocket"))
	c.add(semconv.HTTPRequestMethodGet) // of every handshake (RFC 6455, section 4.1)
	c.add(semconv.URLPath(webSocketPath(d, r.domain)))
	if key := d.context.Get("routeKey").Text(); key != "" {
		c.Name = key
		c.add(semconv.HTTPRoute(key))
	}
	if len(r.headers.Keys()) > 0 {
		c.Caller.Carrier = r.headers
	}
	r.describe(&c, s)
	return c
}

// webSocketPath returns the path of the connection's URL. The domains of API Gateway have the stage in it. A custom
// domain may have a mapping there that the event does not tell.
func webSocketPath(d *document, domain string) string {
	if strings.Contains(domain, ".execute-api.") {
		return "/" + d.context.Get("stage").Text()
	}
	return "/"
}
