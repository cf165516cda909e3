package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// webSocket is the protocol that WebSocket APIs speak.
const webSocket = "websocket"

// readWebSocket reads an event of a WebSocket API: a connection's begin, with the headers of its handshake, a message or
// its end, which have none (API Gateway Developer Guide, "WebSocket API"). None names a method; the route is what a message
// was matched to, such as "$connect" or "sendOrder".
func (c *Cause) readWebSocket(d *document, s *Settings) {
	c.Kind, c.HTTP = trace.SpanKindServer, true
	c.Attributes = append(make([]attribute.KeyValue, 0, 12+Spare), semconv.FaaSTriggerHTTP, semconv.NetworkProtocolName(webSocket))
	r, headers := d.request(), d.carrier()
	if key := d.contextRoute.text(); key != "" {
		c.Name = key
		c.add(semconv.HTTPRoute(key))
	}
	r.protocol = &value{} // that of the handshake is left out
	if d.headers.present() || d.multiHeaders.present() {
		c.Caller = Origin{Carrier: headers}
		c.addQuery(d, s)
	}
	r.addHeaders(c, d, headers, s)
}
