package trigger

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// request is an HTTP request in an event.
type request struct {
	method, path, route string
	query               string      // as it was sent
	parameters          event.Value // of a query that was taken apart
	encoded             bool        // parameters are percent-encoded
	headers             *headers
	protocol, domain    string
	scheme              string // if no header has it
	peer, agent         string // according to the service, not to a header
}

// requestOf reads a request in the formats 1.0 and 2.0 (API Gateway Developer Guide, "Create AWS Lambda proxy
// integrations for HTTP APIs") and in the load balancer's (Elastic Load Balancing User Guide, "Lambda functions as
// targets").
func requestOf(d *document) request {
	r := request{
		method: d.Get("httpMethod").Text(), path: d.Get("path").Text(), route: routeOf(d.Get("resource").Text()),
		query: d.Get("rawQueryString").Text(), parameters: d.Get("multiValueQueryStringParameters"),
		encoded: d.context.Get("elb").Present(), headers: headersOf(d.Get("multiValueHeaders"), d.Get("headers")),
		protocol: d.context.Get("protocol").Text(), domain: d.context.Get("domainName").Text(),
	}
	if r.parameters.Empty() {
		r.parameters = d.Get("queryStringParameters")
	}
	client := d.context.Get("identity").Select("sourceIp", "userAgent")
	if http := d.context.Get("http"); http.IsObject() {
		client = http.Select("method", "protocol", "sourceIp", "userAgent")
		r.method = cmp.Or(client.Get("method").Text(), r.method)
		r.protocol = cmp.Or(client.Get("protocol").Text(), r.protocol)
		r.path, r.route = d.Get("rawPath").Text(), routeOf(d.Get("routeKey").Text())
	}
	r.peer, r.agent = client.Get("sourceIp").Text(), client.Get("userAgent").Text()
	return r
}

// routeOf returns a route's template. An HTTP API's key is "METHOD /route", "ANY /route" or "$default".
func routeOf(key string) string {
	if i := strings.IndexByte(key, ' '); i >= 0 {
		key = key[i+1:]
	}
	if !strings.HasPrefix(key, "/") {
		return ""
	}
	return key
}

// cause returns what the conventions ask for about a request (OpenTelemetry HTTP conventions, "HTTP server"). A request
// without a method, such as a null payload, has the attribute of its trigger alone.
func (r *request) cause(s *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerHTTP)
	c.HTTP = true
	if r.method == "" {
		return c
	}
	c.Caller = Origin{Carrier: r.headers}
	if knownMethod(r.method, s) {
		c.Name = r.method
		c.add(semconv.HTTPRequestMethodKey.String(r.method))
	} else {
		c.Name = "HTTP"
		c.add(semconv.HTTPRequestMethodOther)
		c.add(semconv.HTTPRequestMethodOriginal(r.method))
	}
	c.add(semconv.URLPath(r.path))
	if r.route != "" {
		c.Name += " " + r.route
		c.add(semconv.HTTPRoute(r.route))
	}
	r.describe(&c, s)
	return c
}

// describe adds the query and what the headers tell, or the service instead of them.
func (r *request) describe(c *Cause, s *Settings) {
	c.addText(semconv.URLQueryKey, r.queryText(s.QueryValues))
	c.addText(semconv.URLSchemeKey, cmp.Or(strings.ToLower(firstOf(r.headers.Get("x-forwarded-proto"))), r.scheme))
	r.addServer(c)
	c.addText(semconv.ClientAddressKey, r.client())
	c.addText(semconv.UserAgentOriginalKey, cmp.Or(r.headers.Get("user-agent"), r.agent))
	c.addText(semconv.NetworkProtocolVersionKey, strings.TrimPrefix(r.protocol, "HTTP/"))
	c.Attributes = r.headers.capture(c.Attributes, "http.request.header.", s.RequestHeaders)
}

// addServer adds the server's name, according to the service or to the Host header, and its port.
func (r *request) addServer(c *Cause) {
	host, port := firstOf(r.headers.Get("host")), firstOf(r.headers.Get("x-forwarded-port"))
	if name, p, ok := splitPort(host); ok {
		host, port = name, cmp.Or(port, p)
	}
	if host = cmp.Or(r.domain, host); host == "" {
		return
	}
	c.add(semconv.ServerAddress(host))
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		c.add(semconv.ServerPort(int(n)))
	}
}

// client returns the client's address: the first one that proxies have noted, which a client can have written itself,
// as the conventions ask for (HTTP conventions, client.address); else the address of the connection to the service.
func (r *request) client() string {
	client := firstOf(r.headers.Get("x-forwarded-for"))
	if name, _, ok := splitPort(client); ok { // load balancers can add the client's port
		return name
	}
	return cmp.Or(client, r.peer)
}

// firstOf returns the first element of a header that is a list: each proxy appends one. Empty elements do not count
// (RFC 9110, section 5.6.1).
func firstOf(list string) string {
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			return element
		}
	}
	return ""
}

// splitPort splits an address with a port. It reports whether the address has one.
func splitPort(address string) (host, port string, ok bool) {
	if !strings.Contains(address, ":") { // the usual case, without net's error
		return "", "", false
	}
	host, port, err := net.SplitHostPort(address)
	return host, port, err == nil
}

// conventionMethods are the methods that the HTTP conventions know.
var conventionMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}

// knownMethod reports whether a method is recorded as it is: one of the conventions, or one of
// OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS instead of them.
func knownMethod(method string, s *Settings) bool {
	if len(s.methods) > 0 {
		return slices.Contains(s.methods, method)
	}
	return slices.Contains(conventionMethods, method)
}
