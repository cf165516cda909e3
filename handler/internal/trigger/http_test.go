package trigger_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// TestQueryHasNoValues asserts that the names of a query are kept, and values only if they are asked for. A part without a name, or
// before a semicolon, may be a value.
func TestQueryHasNoValues(t *testing.T) {
	testAttribute(t, `{"requestContext":{"http":{"method":"GET"}},"rawPath":"/","rawQueryString":%q}`, "url.query", map[string]string{
		"a=1":                         "a=REDACTED",
		"a=1&expand=2":                "a=REDACTED&expand=2",
		"expand=2&expand=3&sig=x%20y": "expand=2&expand=3&sig=REDACTED",
		"exp%61nd=2":                  "exp%61nd=2",
		"token":                       "REDACTED",
		"a=&&b":                       "a=REDACTED&&REDACTED",
		"a=b=c&=d":                    "a=REDACTED&=REDACTED",
		"token;a=1":                   "REDACTED",
		"token%3Ba=1":                 "REDACTED",
		"%zz=1":                       "REDACTED",
		strings.Repeat("a=1&", 2000):  strings.Repeat("a=REDACTED&", 1023) + "a=REDACTED",
	})
}

// TestParametersHaveNoValues asserts the same of a query that API Gateway, a load balancer or VPC Lattice has taken apart. There
// "?token" is a name without a value.
func TestParametersHaveNoValues(t *testing.T) {
	for members, want := range map[string]string{
		`"requestContext":{"elb":{}},"queryStringParameters":{"a":"1","expand":"x%20y"}`:                      "a=REDACTED&expand=x%20y",
		`"requestContext":{},"queryStringParameters":{"a b":"1","expand":"x y"}`:                              "a+b=REDACTED&expand=x+y",
		`"requestContext":{},"queryStringParameters":{"token":""}`:                                            "REDACTED",
		`"requestContext":{},"queryStringParameters":{"expand":""}`:                                           "expand",
		`"requestContext":{},"queryStringParameters":{"token;a":"1"}`:                                         "REDACTED",
		`"requestContext":{},"multiValueQueryStringParameters":{"token":[""],"a":["1","2"]}`:                  "a=REDACTED&a=REDACTED&REDACTED",
		`"requestContext":{},"multiValueQueryStringParameters":{"token":[]}`:                                  "REDACTED",
		`"requestContext":{},"multiValueQueryStringParameters":null,"queryStringParameters":{"a":"1"}`:        "a=REDACTED",
		`"requestContext":{"serviceNetworkArn":"arn"},"method":"GET","queryStringParameters":{"a":["1","2"]}`: "a=REDACTED&a=REDACTED",
	} {
		testForms(t, `{"httpMethod":"GET","path":"/",`+members+`}`, func(form reflect.Type, c trigger.Cause) {
			if got := attributesOf(c)["url.query"]; got != want {
				t.Errorf("%s as %v: %q, want %q", members, form, got, want)
			}
		})
	}
}

// TestKnownMethods asserts that OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS replaces the conventions' list.
func TestKnownMethods(t *testing.T) {
	for _, tt := range []struct{ list, method, want, name string }{
		{"", "GET", "GET", "GET"},
		{"", "PURGE", "_OTHER", "HTTP"},
		{" , ", "get", "_OTHER", "HTTP"},
		{"GET, PURGE", "PURGE", "PURGE", "PURGE"},
		{"PURGE", "GET", "_OTHER", "HTTP"},
	} {
		t.Setenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", tt.list)
		c := read(`{"httpMethod":"` + tt.method + `","requestContext":{}}`)
		if got := attributesOf(c)["http.request.method"]; got != tt.want || c.Name != tt.name {
			t.Errorf("%q, %s: %s, name %s, want %s, %s", tt.list, tt.method, got, c.Name, tt.want, tt.name)
		}
	}
}

// TestProxies asserts that the first element counts of the lists that proxies have extended.
func TestProxies(t *testing.T) {
	const event = `{"requestContext":{"http":{"method":"GET","sourceIp":"198.51.100.4"}},"headers":`
	testAttribute(t, event+`{"x-forwarded-for":%q}}`, "client.address", map[string]string{
		"": "198.51.100.4", "203.0.113.9": "203.0.113.9", " 203.0.113.9 , 10.0.0.1": "203.0.113.9", "203.0.113.9:5100": "203.0.113.9",
		"2001:db8::1": "2001:db8::1", "[2001:db8::1]:443, 10.0.0.1": "2001:db8::1", ",": "198.51.100.4", ", 203.0.113.9": "203.0.113.9",
	})
	testAttribute(t, event+`{"X-Forwarded-Proto":%q}}`, "url.scheme", map[string]string{"https, http": "https", "HTTP": "http", ",": ""})
	testAttribute(t, event+`{"host":"a.example","x-forwarded-port":%q}}`, "server.port", map[string]string{
		"443, 80": "443", "0": "", "65536": "", "x": "",
	})
	testAttribute(t, event+`{"host":%q}}`, "server.address", map[string]string{"a.example:8080": "a.example", "a.example": "a.example", "": ""})
	testAttribute(t, event+`{"host":%q}}`, "server.port", map[string]string{"a.example:8080": "8080", "a.example": ""})
}

// TestHeaders asserts that of two spellings the requested one counts, that all values of a repeated header count, that keys are
// listed once, and that Set does nothing.
func TestHeaders(t *testing.T) {
	event := events.APIGatewayProxyRequest{
		HTTPMethod: "GET", Headers: map[string]string{"A": "1", "b": "2", "traceparent": "exact", "TraceParent": "other"},
		MultiValueHeaders: map[string][]string{"A": {"x", "y"}, "C": {"3", "4"}},
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	for way, c := range map[string]trigger.Cause{
		"typed": typedCause(t, reflect.TypeOf(event), text),
		"raw":   trigger.NewReader(nil, trigger.Settings{Source: trigger.RESTAPI}).Raw(text),
		"map":   trigger.NewReader(reflect.TypeFor[any](), trigger.Settings{Source: trigger.RESTAPI}).Typed(reflect.ValueOf(asMap(t, text))),
	} {
		carrier := c.Caller.Carrier
		carrier.Set("d", "an event is not written to")
		got := map[string]string{}
		for _, key := range []string{"a", "B", "c", "d", "traceparent"} {
			got[key] = carrier.Get(key)
		}
		want := map[string]string{"a": "x,y", "B": "2", "c": "3,4", "d": "", "traceparent": "exact"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", way, diff)
		}
		if diff := cmp.Diff([]string{"A", "C", "TraceParent", "b", "traceparent"}, carrier.Keys()); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", way, diff)
		}
	}
}

func asMap(t *testing.T, text []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestResponse asserts that a status is found in whatever becomes an object with one, and nowhere else.
func TestResponse(t *testing.T) {
	type embedded struct{ StatusCode int }
	type own struct {
		Code int `json:"statusCode"`
	}
	r := trigger.NewReader(nil, trigger.Settings{ResponseHeaders: []string{"location", "set-cookie"}})
	tests := []struct {
		result any
		want   int
	}{
		{events.APIGatewayProxyResponse{StatusCode: 503}, 503},
		{&events.LambdaFunctionURLStreamingResponse{StatusCode: 201}, 201},
		{&events.APIGatewayProxyStreamingResponse{StatusCode: 202}, 202},
		{own{404}, 404},
		{struct{ own }{own{404}}, 404},
		{struct{ *embedded }{}, 0},
		{map[string]any{"statusCode": 500}, 500},
		{map[string]any{"statusCode": 500.0}, 500},
		{map[string]any{"statusCode": json.Number("500")}, 500},
		{map[string]int{"statusCode": 500}, 500},
		{json.RawMessage(`{"statusCode": 418 }`), 418},
		{[]byte(`{"statusCode":500}`), 0},
		{`{"statusCode":500}`, 0},
		{map[string]any{"statusCode": "500"}, 0},
		{map[string]any{"statusCode": 1e9}, 0},
		{map[string]any{"statusCode": 500.5}, 0},
		{nil, 0},
		{(*events.APIGatewayProxyResponse)(nil), 0},
	}
	for _, tt := range tests {
		if got := r.Response(tt.result).Status; got != tt.want {
			t.Errorf("%T %v: %d, want %d", tt.result, tt.result, got, tt.want)
		}
	}
	got := r.Response(events.APIGatewayProxyResponse{
		StatusCode: 302, Headers: map[string]string{"Location": "/a"}, MultiValueHeaders: map[string][]string{"Set-Cookie": {"a=1", "b=2"}},
	})
	want := attribute.NewSet(
		attribute.StringSlice("http.response.header.location", []string{"/a"}),
		attribute.StringSlice("http.response.header.set-cookie", []string{"a=1", "b=2"}))
	if set := attribute.NewSet(got.Headers...); !set.Equals(&want) {
		t.Errorf("%v, want %v", got.Headers, want.ToSlice())
	}
}

// TestResponseBody asserts the size of the body as it is sent, if the result has a text for one.
func TestResponseBody(t *testing.T) {
	r := trigger.NewReader(nil, trigger.Settings{})
	tests := []struct {
		result any
		size   int
		ok     bool
	}{
		{events.APIGatewayProxyResponse{Body: "é<"}, 3, true},
		{events.ALBTargetGroupResponse{Body: "AAECAw==", IsBase64Encoded: true}, 4, true},
		{map[string]any{"body": "AAECAw", "isBase64Encoded": true}, 4, true},
		{map[string]any{"body": ""}, 0, true},
		{map[string]any{"body": 17}, 0, false},
		{json.RawMessage(`{"body":"\u00e9\n"}`), 3, true},
		{json.RawMessage(`{"body":"AAECAw==","isBase64Encoded":true}`), 4, true},
		{json.RawMessage(`{"statusCode":204}`), 0, false},
		{&events.LambdaFunctionURLStreamingResponse{Body: strings.NewReader("x")}, 0, false},
	}
	for _, tt := range tests {
		if got := r.Response(tt.result); got.BodySize != tt.size || got.HasBody != tt.ok {
			t.Errorf("%T %v: %d, %t, want %d, %t", tt.result, tt.result, got.BodySize, got.HasBody, tt.size, tt.ok)
		}
	}
}
