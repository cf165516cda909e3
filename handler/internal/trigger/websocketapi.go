package trigger

import (
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// webSocket is a WebSocket API of API Gateway: the beginning of a connection, with the headers of its handshake, a
// message, or the end (API Gateway Developer Guide, "WebSocket API"). The route is what a message was matched to, such
// as "$connect" or "sendOrder".
var webSocket = source{
	name:  "WebSocket API",
	types: []string{"APIGatewayWebsocketProxyRequest"},
	is: func(d *document) bool {
		return isRequest(d) && d.context.Get("connectionId").Present() && !d.context.Get("elb").IsObject() && !d.context.Get("http").IsObject()
	},
	read: readWebSocket,
}

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
