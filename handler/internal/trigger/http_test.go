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

// TestQueryHasNoValues asserts that the names of a query are kept, and values only if they are asked for. A part
// without a name, or before a semicolon, may be a value.
func TestQueryHasNoValues(t *testing.T) {
	testAttribute(t, `{"requestContext":{"http":{"method":"GET"}},"rawPath":"/","rawQueryString":%q}`, "url.query", map[string]string{
		"a=1":                             "a=REDACTED",
		"a=1&expand=2":                    "a=REDACTED&expand=2",
		"expand=2&expand=3&sig=x%20y":     "expand=2&expand=3&sig=REDACTED",
		"exp%61nd=2":                      "exp%61nd=2",
		"token":                           "REDACTED",
		"a=&&b":                           "a=REDACTED&&REDACTED",
		"a=b=c&=d":                        "a=REDACTED&=REDACTED",
		"token;a=1":                       "REDACTED",
		"token%3Ba=1":                     "REDACTED",
		"%zz=1":                           "REDACTED",
		strings.Repeat("expand=2&", 2000): strings.Repeat("expand=2&", 1023) + "expand=2",
	})
}

// TestParametersHaveNoValues asserts the same of a query that API Gateway, a load balancer or VPC Lattice has taken
// apart. There "?token" is a name without a value.
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

// TestListsUnderSeveralSpellingsAreOneHeader asserts that a captured header and the client have all values.
func TestListsUnderSeveralSpellingsAreOneHeader(t *testing.T) {
	const text = `{"httpMethod":"GET","requestContext":{},"headers":{"x-a":"2"},"multiValueHeaders":{` +
		`"X-A":["1"],"x-a":["2"],"X-Forwarded-For":["192.0.2.1"],"x-forwarded-for":["192.0.2.2"]}}`
	c := trigger.NewReader(nil, trigger.Settings{RequestHeaders: []string{"x-a"}}).Raw([]byte(text))
	a := attributesOf(c)
	if a["http.request.header.x-a"] != `["1","2"]` || a["client.address"] != "192.0.2.1" || c.Caller.Carrier.Get("x-A") != "1,2" {
		t.Errorf("%s", dump(c))
	}
}

// TestHeaders asserts that of two spellings the requested one counts, that all values of a repeated header count except
// empty ones, that keys are listed once, and that Set does nothing.
func TestHeaders(t *testing.T) {
	event := events.APIGatewayProxyRequest{
		HTTPMethod: "GET", Headers: map[string]string{"A": "1", "b": "2", "traceparent": "exact", "TraceParent": "other"},
		MultiValueHeaders: map[string][]string{"A": {"x", "y"}, "C": {"3", "4"}, "E": {"", "5", " "}},
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
		for _, key := range []string{"a", "B", "c", "d", "e", "traceparent"} {
			got[key] = carrier.Get(key)
		}
		want := map[string]string{"a": "x,y", "B": "2", "c": "3,4", "d": "", "e": "5", "traceparent": "exact"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", way, diff)
		}
		if diff := cmp.Diff([]string{"A", "C", "E", "TraceParent", "b", "traceparent"}, carrier.Keys()); diff != "" {
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

// TestResponse asserts that a status, and the size of a text as it is sent, are found in whatever becomes an object
// with them, and nowhere else.
func TestResponse(t *testing.T) {
	type embedded struct{ StatusCode int }
	type own struct {
		Code int `json:"statusCode"`
	}
	const none = -1 // no text
	for _, tt := range []struct {
		result       any
		status, size int
	}{
		{events.APIGatewayProxyResponse{StatusCode: 503, Body: "é<"}, 503, 3},
		{events.ALBTargetGroupResponse{StatusCode: 200, Body: "AAECAw==", IsBase64Encoded: true}, 200, 4},
		{&events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Body: strings.NewReader("x")}, 201, none},
		{&events.APIGatewayProxyStreamingResponse{StatusCode: 202}, 202, none},
		{own{404}, 404, none},
		{struct{ own }{own{404}}, 404, none},
		{struct{ *embedded }{}, 0, none},
		{map[string]any{"statusCode": 500, "body": ""}, 500, 0},
		{map[string]any{"statusCode": 500.0, "body": "AAECAw", "isBase64Encoded": true}, 500, 4},
		{map[string]any{"statusCode": json.Number("500"), "body": 17}, 500, none},
		{map[string]int{"statusCode": 500}, 500, none},
		{map[string]uint16{"statusCode": 500}, 500, none},
		{json.RawMessage(`{"statusCode": 418 ,"body":"\u00e9\n"}`), 418, 3},
		{json.RawMessage(`{"body":"AAECAw==","isBase64Encoded":true}`), 0, 4},
		{[]byte(`{"statusCode":500}`), 0, none},
		{`{"statusCode":500}`, 0, none},
		{map[string]any{"statusCode": "500"}, 0, none},
		{map[string]any{"statusCode": 1e9}, 0, none},
		{map[string]any{"statusCode": 500.5}, 0, none},
		{nil, 0, none},
		{(*events.APIGatewayProxyResponse)(nil), 0, none},
	} {
		got := trigger.NewReader(nil, settings).Response(tt.result)
		if !got.HasBody {
			got.BodySize = none
		}
		if got.Status != tt.status || got.BodySize != tt.size {
			t.Errorf("%T %v: %d, %d bytes, want %d, %d", tt.result, tt.result, got.Status, got.BodySize, tt.status, tt.size)
		}
	}
	r := trigger.NewReader(nil, trigger.Settings{ResponseHeaders: []string{"location", "set-cookie", "etag"}})
	got := r.RawResponse([]byte(`{"headers":{"Location":"/a","ETag":""},"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]}}`)).Headers
	want := []attribute.KeyValue{
		attribute.StringSlice("http.response.header.location", []string{"/a"}),
		attribute.StringSlice("http.response.header.set-cookie", []string{"a=1", "b=2"}),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(attribute.Value{})); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}
