package trigger

import (
	"cmp"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// request is an HTTP request, whichever service has put it into an event.
type request struct {
	method, path, route, protocol *value
	peer, agent                   *value // as the service says, not as headers do
}

// readHTTP reads the event of a REST API, an HTTP API, a load balancer or a function URL. One without a method, which a
// null payload is, tells that it is HTTP and nothing more.
func (c *Cause) readHTTP(d *document, s *Settings) {
	c.Kind, c.HTTP = trace.SpanKindServer, true
	r, headers := d.request(), d.carrier()
	c.Attributes = append(make([]attribute.KeyValue, 0, 12+Spare), semconv.FaaSTriggerHTTP)
	method := r.method.text()
	if method == "" {
		return
	}
	c.Caller = Origin{Carrier: headers}
	known := knownMethod(method)
	c.add(semconv.HTTPRequestMethodKey.String(known))
	if known != method {
		c.add(semconv.HTTPRequestMethodOriginal(method))
		c.Name = "HTTP"
	} else {
		c.Name = method
	}
	c.add(semconv.URLPath(r.path.text()))
	if route := r.routeText(); route != "" {
		c.Name += " " + route
		c.add(semconv.HTTPRoute(route))
	}
	c.addQuery(d, s)
	r.addHeaders(c, d, headers, s)
}

// request finds the parts of an HTTP request in formats 1.0 and 2.0 (API Gateway Developer Guide, "Create AWS Lambda proxy
// integrations for HTTP APIs") and in a load balancer's (Elastic Load Balancing User Guide, "Lambda functions as targets").
func (d *document) request() request {
	r := request{
		method: &d.method, path: &d.path, route: &d.resource, protocol: d.httpProtocol.or(&d.protocol),
		peer: d.peer.or(&d.httpPeer), agent: d.agent.or(&d.httpAgent),
	}
	if d.http.isObject() {
		r.method, r.path, r.route = d.httpMethod.or(&d.method), &d.rawPath, &d.routeKey
	}
	return r
}

// carrier returns the request's headers.
func (d *document) carrier() *carrier { return &carrier{objects: [2]value{d.headers, d.multiHeaders}} }

// routeText returns the route's template. An HTTP API's key is "METHOD /route", "ANY /route" or "$default".
func (r *request) routeText() string {
	route := r.route.text()
	if i := strings.IndexByte(route, ' '); i >= 0 {
		route = route[i+1:]
	}
	if !strings.HasPrefix(route, "/") {
		return ""
	}
	return route
}

// addHeaders adds what headers say, or the service in their place (OpenTelemetry HTTP conventions, "HTTP server").
func (r *request) addHeaders(c *Cause, d *document, headers *carrier, s *Settings) {
	var scheme, port, client, agent, host value
	headers.find(field{name: "x-forwarded-proto", into: &scheme}, field{name: "x-forwarded-port", into: &port},
		field{name: "x-forwarded-for", into: &client}, field{name: "user-agent", into: &agent}, field{name: "host", into: &host})
	c.addText(semconv.URLSchemeKey, scheme.joined())
	c.addServer(d.domain.text(), host.joined(), port.joined())
	c.addText(semconv.ClientAddressKey, firstOf(client.joined(), r.peer))
	if name := agent.joined(); name != "" {
		c.add(semconv.UserAgentOriginal(name))
	} else {
		c.addText(semconv.UserAgentOriginalKey, r.agent.text())
	}
	c.addText(semconv.NetworkProtocolVersionKey, strings.TrimPrefix(r.protocol.text(), "HTTP/"))
	for _, name := range s.RequestHeaders {
		c.addHeader("http.request.header.", name, headers)
	}
}

// addText adds an attribute that has a value.
func (c *Cause) addText(key attribute.Key, text string) {
	if text != "" {
		c.add(key.String(text))
	}
}

// addServer adds the name that was asked for. The port is the service's word, or the header's.
func (c *Cause) addServer(domain, host, port string) {
	if name, p, ok := splitPort(host); ok {
		host, port = name, cmp.Or(port, p)
	}
	if domain == "" {
		domain = host
	}
	if domain == "" {
		return
	}
	c.add(semconv.ServerAddress(domain))
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		c.add(semconv.ServerPort(int(n)))
	}
}

// firstOf returns the client's address: the first that proxies have noted, as the conventions ask for (HTTP conventions,
// client.address), else the one that the service was connected to from. A client can have written the former itself.
func firstOf(forwarded string, peer *value) string {
	client, _, _ := strings.Cut(forwarded, ",")
	if client = strings.TrimSpace(client); client == "" {
		return peer.text()
	}
	if name, _, ok := splitPort(client); ok { // load balancers can add the client's port
		return name
	}
	return client
}

// splitPort splits an address with a port; false where it has none.
func splitPort(address string) (host, port string, ok bool) {
	if !strings.Contains(address, ":") { // as mostly; net would make an error of it
		return "", "", false
	}
	host, port, err := net.SplitHostPort(address)
	return host, port, err == nil
}

// addHeader adds a header that the program has asked for.
func (c *Cause) addHeader(prefix, name string, headers *carrier) {
	if values := headers.all(name); len(values) > 0 {
		c.add(attribute.StringSlice(prefix+name, values))
	}
}

// knownMethod returns the method, or "_OTHER" for one that the HTTP conventions do not know.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return method
	default:
		return "_OTHER"
	}
}

// isFunctionURL reports whether a domain is a function URL's: ID.lambda-url.REGION.on.aws.
func isFunctionURL(domain string) bool { return strings.Contains(domain, ".lambda-url.") }
