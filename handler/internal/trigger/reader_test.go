package trigger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
)

type (
	definedQueue events.SQSEvent
	embeddingPtr struct {
		*events.APIGatewayV2HTTPRequest
	}
	embeddingDeep struct {
		Note string
		embeddedHTTP
	}
	embeddedHTTP struct{ events.APIGatewayV2HTTPRequest }
	ownQueue     struct{ Records []ownMessage }
	ownMessage   struct {
		Body   string
		Source string `json:"eventSource"`
		ARN    string `json:"eventSourceARN"`
	}
)

// Recursive is a type that embeds itself.
type Recursive struct {
	*Recursive
	Records []ownMessage
}

// TestTypes: what programs make of the events package's types tells the same, as far as it has the members.
func TestTypes(t *testing.T) {
	tests := []struct {
		document string
		event    reflect.Type
		source   trigger.Source
		name     string
	}{
		{"sqs", reflect.TypeFor[definedQueue](), trigger.SQS, "process orders"},
		{"sqs", reflect.TypeFor[*definedQueue](), trigger.SQS, "process orders"},
		{"sqs", reflect.TypeFor[ownQueue](), trigger.SQS, "process orders"},
		{"sqs", reflect.TypeFor[Recursive](), trigger.SQS, "process orders"},
		{"sqs", reflect.TypeFor[struct{ Records []struct{ Body string } }](), trigger.Other, ""},
		{"http-api", reflect.TypeFor[embeddingPtr](), trigger.HTTPAPI, "GET /orders/{id}"},
		{"http-api", reflect.TypeFor[embeddingDeep](), trigger.HTTPAPI, "GET /orders/{id}"},
		{"http-api", reflect.TypeFor[struct{ RawPath string }](), trigger.Other, ""},
		{"http-api", reflect.TypeFor[map[string]json.RawMessage](), trigger.HTTPAPI, "GET /orders/{id}"},
		{"function-url", reflect.TypeFor[events.APIGatewayV2HTTPRequest](), trigger.HTTPAPI, "POST"},
		{"eventbridge", reflect.TypeFor[events.CodeBuildEvent](), trigger.EventBridge, "process Order Placed"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.document, " as ", tt.event), func(t *testing.T) {
			c := typedCause(t, tt.event, document(t, tt.document))
			if c.Source != tt.source || c.Name != tt.name {
				t.Errorf("%v %q, want %v %q", c.Source, c.Name, tt.source, tt.name)
			}
		})
	}
}

// TestNothing: events that are null, of a type that tells nothing, or not there at all.
func TestNothing(t *testing.T) {
	tests := []struct {
		event  any
		source trigger.Source
	}{
		{(*events.APIGatewayV2HTTPRequest)(nil), trigger.HTTPAPI},
		{(*events.SQSEvent)(nil), trigger.SQS},
		{events.S3Event{}, trigger.S3},
		{events.KafkaEvent{}, trigger.Kafka},
		{events.CloudWatchEvent{}, trigger.EventBridge},
		{map[string]any(nil), trigger.Other},
		{json.RawMessage(nil), trigger.Other},
		{[]byte("text"), trigger.Other},
		{"text", trigger.Other},
		{17, trigger.Other},
		{[]string{"a"}, trigger.Other},
		{make(chan int), trigger.Other},
		{map[int]string{1: "a"}, trigger.Other},
	}
	for _, tt := range tests {
		c := trigger.NewReader(reflect.TypeOf(tt.event), settings).Typed(reflect.ValueOf(tt.event))
		if c.Source != tt.source || len(c.Attributes) == 0 || len(c.Messages) != 0 {
			t.Errorf("%T: %s", tt.event, dump(c))
		}
	}
	if c := trigger.NewReader(nil, settings).Typed(reflect.Value{}); c.Source != trigger.Other {
		t.Errorf("no event: %s", dump(c))
	}
}

// TestTold: a source that is told is believed, and what the event has of it is said.
func TestTold(t *testing.T) {
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		if trigger.Named(source.String()) != source {
			t.Errorf("%v is not found by its name", source)
		}
		c := trigger.NewReader(nil, trigger.Settings{Source: source}).Raw([]byte(`{"order":17}`))
		if c.Source != source || len(c.Attributes) == 0 {
			t.Errorf("%v: %s", source, dump(c))
		}
	}
	unknown := trigger.NewReader(nil, trigger.Settings{Source: trigger.SQS}).Raw([]byte(`{"order":17}`))
	if count, ok := attributesOf(unknown)["messaging.batch.message_count"]; ok {
		t.Errorf("%s messages in an event without a list of them", count)
	}
	type body struct {
		Records []struct{ EventSourceARN string }
	}
	v := body{Records: make([]struct{ EventSourceARN string }, 2)}
	c := trigger.NewReader(reflect.TypeFor[body](), trigger.Settings{Source: trigger.SQS}).Typed(reflect.ValueOf(v))
	if c.Batch != 2 || c.Name != "process" {
		t.Errorf("own type: %s", dump(c))
	}
}

// TestBounds: of a large batch all messages are counted, and the first 128 are asked for an origin.
func TestBounds(t *testing.T) {
	message := `{"messageId":"1","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:111122223333:orders",` +
		`"attributes":{"AWSTraceHeader":"Root=1"},"body":"x"}`
	text := []byte(`{"Records":[` + strings.Repeat(message+",", 999) + message + `]}`)
	for way, event := range map[string]reflect.Type{
		"typed": reflect.TypeFor[events.SQSEvent](), "map": reflect.TypeFor[map[string]any](), "raw": reflect.TypeFor[json.RawMessage](),
	} {
		if c := typedCause(t, event, text); c.Batch != 1000 || len(c.Messages) != 128 {
			t.Errorf("%s: %d messages, %d origins, want 1000 and 128", way, c.Batch, len(c.Messages))
		}
	}
}

// TestAttributesOutliveEvent: text of a raw event may be changed by the handler, and no attribute changes with it.
func TestAttributesOutliveEvent(t *testing.T) {
	for name := range corpus.Types {
		text := document(t, name)
		c := trigger.NewReader(nil, settings).Raw(text)
		before := fmt.Sprint(c.Name, attributesOf(c))
		clear(text)
		after := fmt.Sprint(c.Name, attributesOf(c))
		if before != after {
			t.Errorf("%s: %s became %s", name, before, after)
		}
	}
}

// TestQuery: names are kept, values only where they are asked for; a part without a name may be a value.
func TestQuery(t *testing.T) {
	const head, tail = `{"requestContext":{"http":{"method":"GET"}},"rawPath":"/","rawQueryString":"`, `"}`
	tests := []struct{ query, want string }{
		{"a=1", "a=REDACTED"},
		{"a=1&expand=2", "a=REDACTED&expand=2"},
		{"expand=2&expand=3&sig=x%20y", "expand=2&expand=3&sig=REDACTED"},
		{"token", "REDACTED"},
		{"a=&&b", "a=REDACTED&&REDACTED"},
		{"a=b=c&=d", "a=REDACTED&=REDACTED"},
		{"token;a=1", "REDACTED"},
		{"token%3Ba=1", "REDACTED"},
		{"%zz=1", "REDACTED"},
		{"exp%61nd=2", "exp%61nd=2"},
	}
	for _, tt := range tests {
		c := trigger.NewReader(nil, settings).Raw([]byte(head + tt.query + tail))
		if got := attributesOf(c)["url.query"]; got != tt.want {
			t.Errorf("%q: %q, want %q", tt.query, got, tt.want)
		}
	}
}

// TestParameters: as TestQuery, of a query that API Gateway or a load balancer has taken apart. "?token" came as a name without
// a value there, and was recorded.
func TestParameters(t *testing.T) {
	const head, tail = `{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/",`, `}`
	tests := []struct{ query, want string }{
		{`"queryStringParameters":{"a":"1","expand":"2"}`, "a=REDACTED&expand=2"},
		{`"queryStringParameters":{"token":""}`, "REDACTED"},
		{`"queryStringParameters":{"expand":""}`, "expand"},
		{`"queryStringParameters":{"token;a":"1"}`, "REDACTED"},
		{`"multiValueQueryStringParameters":{"token":[""],"a":["1","2"]}`, "a=REDACTED&a=REDACTED&REDACTED"},
		{`"multiValueQueryStringParameters":{"token":[]}`, "REDACTED"},
	}
	for _, tt := range tests {
		c := trigger.NewReader(nil, settings).Raw([]byte(head + tt.query + tail))
		if got := attributesOf(c)["url.query"]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.query, got, tt.want)
		}
	}
}

// TestKnownMethods: OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS replaces the conventions' list.
func TestKnownMethods(t *testing.T) {
	tests := []struct{ list, method, want, name string }{
		{"", "GET", "GET", "GET"},
		{"", "PURGE", "_OTHER", "HTTP"},
		{" , ", "get", "_OTHER", "HTTP"},
		{"GET, PURGE", "PURGE", "PURGE", "PURGE"},
		{"PURGE", "GET", "_OTHER", "HTTP"},
	}
	for _, tt := range tests {
		t.Setenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", tt.list)
		c := trigger.NewReader(nil, settings).Raw([]byte(`{"httpMethod":"` + tt.method + `","requestContext":{}}`))
		if got := attributesOf(c)["http.request.method"]; got != tt.want || c.Name != tt.name {
			t.Errorf("%q, %s: %s, name %s, want %s, %s", tt.list, tt.method, got, c.Name, tt.want, tt.name)
		}
	}
}

// TestQueueURL: the URL follows from the ARN where the partition's domain is known.
func TestQueueURL(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:sqs:eu-west-1:111122223333:orders":            "https://sqs.eu-west-1.amazonaws.com/111122223333/orders",
		"arn:aws-us-gov:sqs:us-gov-west-1:111122223333:a.fifo": "https://sqs.us-gov-west-1.amazonaws.com/111122223333/a.fifo",
		"arn:aws-cn:sqs:cn-north-1:111122223333:orders":        "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/orders",
		"arn:aws-iso:sqs:us-iso-east-1:111122223333:orders":    "", "orders": "", "": "",
	} {
		c := trigger.NewReader(nil, settings).Raw([]byte(`{"Records":[{"eventSource":"aws:sqs","eventSourceARN":"` + arn + `"}]}`))
		if got := attributesOf(c)["aws.sqs.queue.url"]; got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}

// TestPipes: EventBridge Pipes send the records of each source in a list, some with other members than the source itself.
func TestPipes(t *testing.T) {
	const parent = `"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`
	for source, record := range map[trigger.Source]string{
		trigger.Kinesis:  `"eventSource":"aws:kinesis","eventSourceARN":"arn:aws:kinesis:eu-west-1:1:stream/orders","data":"eyJ0cmFjZXBhcmVudCI6IjEifQ=="`,
		trigger.Kafka:    `"eventSource":"aws:kafka","eventSourceKey":"orders-0","topic":"orders","partition":0,"headers":[{"traceparent":[49]}]`,
		trigger.ActiveMQ: `"eventSource":"aws:amq","destination":{"physicalName":"orders"},"properties":{"traceparent":` + parent + `}`,
		trigger.RabbitMQ: `"eventSource":"aws:rmq","eventSourceKey":"orders::/","basicProperties":{"headers":{"traceparent":` + parent + `}}`,
	} {
		text := []byte(`[{` + record + `},{` + record + `}]`)
		for _, form := range []reflect.Type{reflect.TypeFor[json.RawMessage](), mapType(text), reflect.TypeFor[any]()} {
			c := typedCause(t, form, text)
			if c.Source != source || c.Name != "process orders" || c.Batch != 2 || len(c.Messages) != 2 || c.Messages[1].Carrier.Get("traceparent") == "" {
				t.Errorf("%v as %v: %s", source, form, dump(c))
			}
		}
	}
}

func attributesOf(c trigger.Cause) map[string]string {
	m := map[string]string{}
	for _, kv := range c.Attributes {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

// TestHeaders: of two spellings the requested one counts, lists come before single headers, keys are listed once, and Set does
// nothing.
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

// TestClient: the first address that proxies have noted, without its port, else the one that the service was connected from.
func TestClient(t *testing.T) {
	for forwarded, want := range map[string]string{
		"": "198.51.100.4", "203.0.113.9": "203.0.113.9", " 203.0.113.9 , 10.0.0.1": "203.0.113.9", "203.0.113.9:5100": "203.0.113.9",
		"2001:db8::1": "2001:db8::1", "[2001:db8::1]:443, 10.0.0.1": "2001:db8::1", ",": "198.51.100.4",
	} {
		c := trigger.NewReader(nil, settings).Raw(fmt.Appendf(nil,
			`{"requestContext":{"http":{"method":"GET","sourceIp":"198.51.100.4"}},"headers":{"x-forwarded-for":%q}}`, forwarded))
		if got := attributesOf(c)["client.address"]; got != want {
			t.Errorf("%q: %q, want %q", forwarded, got, want)
		}
	}
}

// TestResponse: a status is found in whatever becomes an object with one, and nowhere else.
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

// TestResponseBody: the size of the body as it is sent, where the result has a text for one.
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

// TestRecordsDiffer: what a record has is found whatever the records before it had, in whatever order and with whatever white
// space, since records are told by those before them.
func TestRecordsDiffer(t *testing.T) {
	const (
		arn    = `"eventSourceARN":"arn:aws:sqs:eu-west-1:111122223333:orders"`
		source = `"eventSource":"aws:sqs"`
		header = `"attributes":{"SentTimestamp":"1","AWSTraceHeader":"Root=%d"}`
		own    = `"messageAttributes":{"traceparent":{"stringValue":"%d","dataType":"String"}}`
		body   = `"body":"{\"Type\":\"Notification\",\"TopicArn\":\"t\",\"MessageAttributes\":{\"tenant\":{\"Value\":\"%d\"}}}"`
	)
	forms := [][]string{
		{source, arn, header, own, body},
		{source, arn, header},
		{arn, source, body, own},
		{source, arn, header, own, body},
		{`"attributes":{"AWSTraceHeader":"Root=%d","x":{"attributes":1}}`, own, source, arn},
		{`"attributes":{}`, source, arn, `"messageAttributes" : null`, body},
		{source, arn, `"x":[{"body":"{}"},"]"]`, header, own, body},
		{source, `"eventSource\u0041RN":"x"`, arn, `"b\u006fdy":"x"`, header},
	}
	for space := range 2 {
		var records []string
		for i := range 64 {
			record := strings.ReplaceAll(strings.Join(forms[(i*i+i/8)%len(forms)], ","), "%d", strconv.Itoa(i))
			if space*i%3 == 1 {
				record = strings.ReplaceAll(strings.ReplaceAll(record, `","`, "\" ,\n \""), `s":{`, "s\" : {\t")
			}
			records = append(records, "{"+record+"}")
		}
		text := []byte(`{"Records":[` + strings.Join(records, ", ") + `]}`)
		want := dump(typedCause(t, reflect.TypeFor[map[string]any](), text))
		if !strings.Contains(want, "Root=63") && !strings.Contains(want, "tenant: 63") {
			t.Fatalf("the last record is not there: %s", want)
		}
		if diff := cmp.Diff(want, dump(trigger.NewReader(nil, settings).Raw(text))); diff != "" {
			t.Errorf("(-map +raw):\n%s", diff)
		}
	}
}

// TestEnvelopes: a message gives the span context that its first sender wrote, through SNS, EventBridge or both.
func TestEnvelopes(t *testing.T) {
	const bus = `{"detail-type":"Order Placed","source":"shop","detail":{"tenant":"north"}}`
	notification := func(rest string) string { return `{"Type":"Notification","TopicArn":"t",` + rest + `}` }
	queue := func(body string) string {
		return `{"Records":[{"eventSource":"aws:sqs","body":` + strconv.Quote(body) + `}]}`
	}
	for name, text := range map[string]string{
		"EventBridge, SQS":      queue(bus),
		"SNS, SQS":              queue(notification(`"MessageAttributes":{"tenant":{"Type":"String","Value":"north"}}`)),
		"EventBridge, SNS, SQS": queue(notification(`"Message":` + strconv.Quote(bus))),
		"EventBridge, SNS":      `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":` + strconv.Quote(bus) + `}}]}`,
	} {
		for _, form := range []reflect.Type{reflect.TypeFor[json.RawMessage](), reflect.TypeFor[map[string]any]()} {
			c := typedCause(t, form, []byte(text))
			if len(c.Messages) != 1 || c.Messages[0].Carrier.Get("tenant") != "north" {
				t.Errorf("%s as %v: %s", name, form, dump(c))
			}
		}
	}
	for _, body := range []string{bus[:40], `"` + bus, `{"detail-type":"t","detail":{"a":"b"}}`, `{"detail-type":"t","source":"s","detail":"d"}`, "detail-type"} {
		if c := trigger.NewReader(nil, settings).Raw([]byte(queue(body))); len(c.Messages) != 0 {
			t.Errorf("%s: %s", body, dump(c))
		}
	}
}

// TestMembersTwice: of a message's bodies the last counts, as it does for encoding/json.
func TestMembersTwice(t *testing.T) {
	const notification = `"{\"Type\":\"Notification\",\"TopicArn\":\"t\",\"MessageAttributes\":{\"a\":{\"Value\":\"1\"}}}"`
	for _, last := range []string{`"x"`, `"{\"Type\":\"Notification\",\"TopicArn\":\"u\"}"`, `"{\"Type\":\"Notification\",\"TopicArn\":\"\\u0075\"}\u0020"`, `1`} {
		text := []byte(`{"Records":[{"eventSource":"aws:sqs","body":` + notification + `,"body":` + last + `}]}`)
		want := dump(typedCause(t, reflect.TypeFor[map[string]any](), text))
		if diff := cmp.Diff(want, dump(trigger.NewReader(nil, settings).Raw(text))); diff != "" {
			t.Errorf("%s (-map +raw):\n%s", last, diff)
		}
	}
}

// TestPartitions: the messages of Kafka come in the order of their partitions, in whatever order these stand.
func TestPartitions(t *testing.T) {
	list := func(name string, n int) string {
		return fmt.Sprintf(`%q:[{"topic":"t","partition":%d,"headers":[{"tenant":[%d]}]}]`, name, n, 'a'+n)
	}
	for _, lists := range []string{
		list("t-0", 0) + "," + list("t-1", 1) + "," + list("t-2", 2), list("t-2", 2) + "," + list("t-0", 0) + "," + list("t-1", 1),
		list("t-0", 3) + "," + list("t-1", 1) + "," + list("t-0", 0) + "," + list("t-2", 2),
	} {
		text := []byte(`{"eventSource":"aws:kafka","records":{` + lists + `}}`)
		for way, event := range map[string]reflect.Type{
			"typed": reflect.TypeFor[events.KafkaEvent](), "map": reflect.TypeFor[map[string]any](), "raw": reflect.TypeFor[json.RawMessage](),
		} {
			var got []string
			for _, o := range typedCause(t, event, text).Messages {
				got = append(got, o.Carrier.Get("tenant"))
			}
			if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", way, lists, diff)
			}
		}
	}
}

// TestAllocations: an event of 10 KB takes few allocations, at most one for each 70 bytes of JSON text.
func TestAllocations(t *testing.T) {
	const most = 10 << 10 / 70
	for name, event := range corpus.Types {
		data := grow(t, document(t, name), 10<<10)
		reader := trigger.NewReader(nil, trigger.Settings{})
		if n := testing.AllocsPerRun(10, func() { reader.Raw(data) }); n > most {
			t.Errorf("%s as JSON text: %v allocations", name, n)
		}
		for _, event := range []reflect.Type{event, mapType(data)} {
			v, reader := reflect.New(event), trigger.NewReader(event, trigger.Settings{})
			if err := json.Unmarshal(data, v.Interface()); err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(10, func() { reader.Typed(v.Elem()) }); n > most {
				t.Errorf("%s as %v: %v allocations", name, event, n)
			}
		}
	}
}

// TestDocumentDBOperations asserts that the span names the operation of a change in the conventions' words, and none for
// a change of a whole collection.
func TestDocumentDBOperations(t *testing.T) {
	tests := map[string]string{
		"insert": "insert", "update": "edit", "replace": "edit", "delete": "delete",
		"drop": "", "invalidate": "", "": "",
	}
	for operation, want := range tests {
		text := bytes.Replace(document(t, "documentdb"), []byte(`"insert"`), []byte(strconv.Quote(operation)), 1)
		got := ""
		for _, a := range trigger.NewReader(nil, settings).Raw(text).Attributes {
			if a.Key == semconv.FaaSDocumentOperationKey {
				got = a.Value.AsString()
			}
		}
		if got != want {
			t.Errorf("%q: faas.document.operation is %q, want %q", operation, got, want)
		}
	}
}
