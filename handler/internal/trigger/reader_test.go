package trigger_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
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

// TestTypes asserts that types that programs make of the events package's have the same result, as far as they have the members.
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
		{"sqs", reflect.TypeFor[struct {
			Records []struct{ Body, EventSource, EventSourceARN string } // in another case, as encoding/json decodes it
		}](), trigger.SQS, "process orders"},
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

// read reads JSON text.
func read(text string) trigger.Cause { return trigger.NewReader(nil, settings).Raw([]byte(text)) }

// testForms runs f with the cause of JSON text, and of the map that it decodes to.
func testForms(t *testing.T, text string, f func(form reflect.Type, c trigger.Cause)) {
	t.Helper()
	for _, form := range []reflect.Type{reflect.TypeFor[json.RawMessage](), mapType([]byte(text)), reflect.TypeFor[any]()} {
		f(form, typedCause(t, form, []byte(text)))
	}
}

// testAttribute reads events that differ in one text, which stands for %q in the format, and compares an attribute.
func testAttribute(t *testing.T, format string, key string, want map[string]string) {
	t.Helper()
	for text, value := range want {
		if got := attributesOf(read(fmt.Sprintf(format, text)))[key]; got != value {
			t.Errorf("%q: %s %q, want %q", text, key, got, value)
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

// TestEventsWithoutASource asserts the source of events that are null, of a type without a source, or not there at
// all.
func TestEventsWithoutASource(t *testing.T) {
	for _, tt := range []struct {
		event  any
		source trigger.Source
	}{
		{(*events.APIGatewayV2HTTPRequest)(nil), trigger.HTTPAPI},
		{(*events.SQSEvent)(nil), trigger.SQS},
		{events.APIGatewayProxyRequest{}, trigger.RESTAPI},
		{events.APIGatewayWebsocketProxyRequest{}, trigger.WebSocketAPI},
		{events.ALBTargetGroupRequest{}, trigger.LoadBalancer},
		{events.LambdaFunctionURLRequest{}, trigger.FunctionURL},
		{events.SNSEvent{}, trigger.SNS},
		{events.CloudWatchEvent{}, trigger.EventBridge},
		{events.KinesisTimeWindowEvent{}, trigger.Kinesis},
		{events.KafkaEvent{}, trigger.Kafka},
		{events.ActiveMQEvent{}, trigger.ActiveMQ},
		{events.RabbitMQEvent{}, trigger.RabbitMQ},
		{events.DynamoDBEvent{}, trigger.DynamoDB},
		{events.S3Event{}, trigger.S3},
		{events.CognitoEvent{}, trigger.Cognito},
		{events.CognitoEventUserPoolsPreSignup{}, trigger.Cognito},
		{map[string]any(nil), trigger.Other},
		{json.RawMessage(nil), trigger.Other},
		{[]byte("text"), trigger.Other},
		{17, trigger.Other},
		{[]string{"a"}, trigger.Other},
		{make(chan int), trigger.Other},
		{map[int]string{1: "a"}, trigger.Other},
		{&Recursive{}, trigger.Other}, // reading such types once hung
		{struct{}{}, trigger.Other},
	} {
		c := trigger.NewReader(reflect.TypeOf(tt.event), settings).Typed(reflect.ValueOf(tt.event))
		if c.Source != tt.source || len(c.Attributes) == 0 || len(c.Messages) != 0 {
			t.Errorf("%T: %s", tt.event, dump(c))
		}
	}
	if c := trigger.NewReader(nil, settings).Typed(reflect.Value{}); c.Source != trigger.Other {
		t.Errorf("no event: %s", dump(c))
	}
}

// TestOther asserts that events of AWS services without a trigger in the conventions are of no source.
func TestOther(t *testing.T) {
	for _, text := range []string{
		`{"Records":[{"eventSource":"aws:ses","eventVersion":"1.0","ses":{"mail":{"source":"a@example.com"}}}]}`,
		`{"awslogs":{"data":"H4sIAAAAAAAAAHWPwQqCQBCGX0Xm7EFtK"}}`,
		`{"invocationId":"i","deliveryStreamArn":"arn","region":"eu-west-1","records":[{"recordId":"1","data":"e30="}]}`,
		`{"invokingEvent":"{}","ruleParameters":"{}","resultToken":"t","eventLeftScope":false,"configRuleName":"n"}`,
		`{"CodePipeline.job":{"id":"i","accountId":"1","data":{"actionConfiguration":{}}}}`,
		`{"topic":"sensors/1","temperature":21.5,"timestamp":1700000000}`,
		`{"alarmArn":"arn","source":"aws.cloudwatch","time":"2026-01-01T00:00:00Z","alarmData":{}}`,
		`{"requestContext":{"condition":"Success","functionArn":"arn"},"requestPayload":{},"responsePayload":{}}`,
		`{"requestContext":{"apiId":"a","queryString":"{}"},"authorizationToken":"t"}`,
		`{"detail-type":null,"source":null,"triggerSource":null,"userPoolId":null}`, `[{"detail":{}},{"id":"1"}]`, `[]`, `{"order":17}`,
	} {
		if c := read(text); c.Source != trigger.Other || attributesOf(c)["faas.trigger"] != "other" || len(c.Attributes) != 1 || c.Caller.Carrier != nil {
			t.Errorf("%s: %s", text, dump(c))
		}
	}
}

// TestGivenSource asserts that a source that the program gives is used, with the attributes that the event has of it.
func TestGivenSource(t *testing.T) {
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

// TestAppSync: an Event API and an authorizer have the headers of the client's request.
func TestAppSync(t *testing.T) {
	const headers = `{"headers":{"traceparent":"00"}}`
	for _, text := range []string{
		`{"request":` + headers + `,"info":{"channel":{"path":"/a/b"},"channelNamespace":{"name":"a"},"operation":"PUBLISH"},"events":[{"id":"1"}]}`,
		`{"authorizationToken":"t","requestContext":{"apiId":"a","operationName":"Orders"},"requestHeaders":{"traceparent":"00"}}`,
	} {
		testForms(t, text, func(form reflect.Type, c trigger.Cause) {
			if c.Source != trigger.AppSync || c.HTTP || c.Caller.Carrier == nil || c.Caller.Carrier.Get("traceparent") != "00" {
				t.Errorf("%s as %v: %s", text, form, dump(c))
			}
		})
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
		if c := typedCause(t, event, text); c.Batch != 1000 || len(c.Messages) != 128 || c.Name != "process orders" {
			t.Errorf("%s: %q, %d messages, %d origins, want 1000 and 128", way, c.Name, c.Batch, len(c.Messages))
		}
	}
}

// TestBoundOfSeveralLists: the bound is that of all lists together.
func TestBoundOfSeveralLists(t *testing.T) {
	list := `[` + strings.Repeat(`{"headers":[{"tenant":[49]}]},`, 99) + `{}]`
	c := read(`{"eventSource":"aws:kafka","records":{"t-0":` + list + `,"t-1":` + list + `}}`)
	if c.Batch != 200 || len(c.Messages) != 99+28 {
		t.Errorf("%d messages, %d origins, want 200 and 127", c.Batch, len(c.Messages))
	}
}

// TestAttributesOutliveEvent: text of a raw event may be changed by the handler, and no attribute changes with it.
func TestAttributesOutliveEvent(t *testing.T) {
	for name := range eventTypes {
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
