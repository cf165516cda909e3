package handler

import (
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// fieldNames says where an event type keeps the parts of a request; a dotted name leads through nested structs, an
// empty one means that the type has no such part.
type fieldNames struct{ method, path, route, headers, multiHeaders string }

// httpEvents are the HTTP events of the events package.
var httpEvents = map[string]fieldNames{
	"APIGatewayProxyRequest":   {"HTTPMethod", "Path", "Resource", "Headers", "MultiValueHeaders"},
	"APIGatewayV2HTTPRequest":  {"RequestContext.HTTP.Method", "RawPath", "RouteKey", "Headers", ""},
	"ALBTargetGroupRequest":    {"HTTPMethod", "Path", "", "Headers", "MultiValueHeaders"},
	"LambdaFunctionURLRequest": {"RequestContext.HTTP.Method", "RawPath", "", "Headers", ""},
}

// httpFields is fieldNames resolved; a nil index means that there is no such field.
type httpFields struct{ method, path, route, headers, multiHeaders []int }

func (n fieldNames) find(t reflect.Type) *httpFields {
	return &httpFields{
		method:       fieldIndex(t, n.method),
		path:         fieldIndex(t, n.path),
		route:        fieldIndex(t, n.route),
		headers:      fieldIndex(t, n.headers),
		multiHeaders: fieldIndex(t, n.multiHeaders),
	}
}

// fieldIndex resolves a dotted name of struct fields, nil where t has it not.
func fieldIndex(t reflect.Type, dotted string) []int {
	var index []int
	for name := range strings.SplitSeq(dotted, ".") {
		if t.Kind() != reflect.Struct {
			return nil
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return nil
		}
		index, t = append(index, f.Index...), f.Type
	}
	return index
}

// read takes the parts out of v, a struct of the type that f was found in.
func (f *httpFields) read(v reflect.Value) httpRequest {
	r := httpRequest{method: text(v, f.method), path: text(v, f.path), route: text(v, f.route)}
	// An HTTP API's route key is "METHOD /route" or "$default"; a REST API's resource is the route alone.
	if i := strings.IndexByte(r.route, ' '); i >= 0 {
		r.route = r.route[i+1:]
	}
	if !strings.HasPrefix(r.route, "/") {
		r.route = ""
	}
	if f.headers != nil {
		r.headers.single, _ = v.FieldByIndex(f.headers).Interface().(map[string]string)
	}
	if f.multiHeaders != nil {
		r.headers.multi, _ = v.FieldByIndex(f.multiHeaders).Interface().(map[string][]string)
	}
	return r
}

func text(v reflect.Value, index []int) string {
	if index == nil {
		return ""
	}
	if f := v.FieldByIndex(index); f.Kind() == reflect.String {
		return f.String()
	}
	return ""
}

// httpRequest is an HTTP event's request. One without a method is none.
type httpRequest struct {
	method, path, route string
	headers             headerCarrier
}

// knownMethod returns the method, or "_OTHER" for one that the HTTP conventions do not know.
func (r *httpRequest) knownMethod() string {
	switch r.method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return r.method
	default:
		return "_OTHER"
	}
}

// spanName is "METHOD /route", or the method alone where the event names no route.
func (r *httpRequest) spanName() string {
	name := r.knownMethod()
	if name == "_OTHER" {
		name = "HTTP"
	}
	if r.route != "" {
		name += " " + r.route
	}
	return name
}

// appendAttributes adds the request's attributes (OpenTelemetry HTTP conventions, "HTTP server").
func (r *httpRequest) appendAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	if r.method == "" {
		return attrs
	}
	method := r.knownMethod()
	attrs = append(attrs, semconv.HTTPRequestMethodKey.String(method), semconv.URLPath(r.path))
	if method != r.method {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(r.method))
	}
	if r.route != "" {
		attrs = append(attrs, semconv.HTTPRoute(r.route))
	}
	if scheme := r.headers.Get("x-forwarded-proto"); scheme != "" {
		attrs = append(attrs, semconv.URLScheme(scheme))
	}
	return attrs
}

// headerCarrier lets propagators read an event's headers, whatever their case. It implements
// propagation.TextMapCarrier; Set does nothing.
type headerCarrier struct {
	single map[string]string
	multi  map[string][]string // of load balancers and REST APIs; used where single has nothing
}

// Get returns the header's value, of several the list.
func (c headerCarrier) Get(key string) string {
	if v, ok := lookup(c.single, key); ok {
		return v
	}
	v, _ := lookup(c.multi, key)
	return strings.Join(v, ",")
}

// Set does nothing: an event is not written to.
func (headerCarrier) Set(string, string) {}

// Keys returns the names of the headers.
func (c headerCarrier) Keys() []string {
	keys := make([]string, 0, len(c.single)+len(c.multi))
	for k := range c.single {
		keys = append(keys, k)
	}
	for k := range c.multi {
		if _, ok := c.single[k]; !ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// lookup finds key in m, first as it is, then in any case: HTTP APIs lower it, REST APIs leave it as it was sent.
func lookup[V any](m map[string]V, key string) (V, bool) {
	if v, ok := m[key]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	var none V
	return none, false
}
