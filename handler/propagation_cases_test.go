package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

const (
	firstTrace, firstParent   = "11111111111111111111111111111111", "1111111111111111"
	secondTrace, secondParent = "22222222222222222222222222222222", "2222222222222222"
	firstW3C                  = "00-" + firstTrace + "-" + firstParent + "-01"
	firstXRay                 = "Root=1-11111111-111111111111111111111111;Parent=" + firstParent

	callerXRay    = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=" + w3cParent
	otherXRay     = callerXRay + ";Sampled=1"
	lambdaSampled = xrayRoot + ";Sampled=1"
)

// invoked has the parts of the places in docs/propagation.md that come with any invocation, in their column's words.
var invoked = map[string]situation{
	"nowhere":                                    {},
	"Lambda's header, Sampled=1":                 {lambda: lambdaSampled},
	"Lambda's header, Sampled=0":                 {lambda: xrayRoot + ";Sampled=0;Lineage=1:a:0"},
	"Lambda's header, no decision":               {lambda: xrayRoot},
	"Lambda's header, Root alone":                {lambda: "Root=1-5759e988-bd862e3fe1be46a994272793"},
	"Lambda's header, malformed":                 {lambda: "Root=1-x;Sampled=1"},
	"Lambda's header, several at once":           {lambda: lambdaSampled, concurrency: "64"},
	"_X_AMZN_TRACE_ID, one invocation at a time": {environ: lambdaSampled},
	"_X_AMZN_TRACE_ID, several at once":          {environ: lambdaSampled, concurrency: "2"},
	"_X_AMZN_TRACE_ID of another":                {environ: otherXRay},
}

// carried has the parts that come with the event: the members with which a sender leaves its span context. W3C, XRAY,
// ROOT, TRACE and PARENT stand for the sender's.
var carried = map[string]string{
	"header traceparent":                                 `"traceparent":"W3C"`,
	"header Traceparent, in another case":                `"Traceparent":"W3C"`,
	"header traceparent, not sampled":                    `"traceparent":"00-TRACE-PARENT-00"`,
	"header traceparent, malformed":                      `"traceparent":"00-1"`,
	"header b3":                                          `"b3":"TRACE-PARENT-1"`,
	"headers X-B3-TraceId, X-B3-SpanId, X-B3-Sampled":    `"x-b3-traceid":"TRACE","x-b3-spanid":"PARENT","x-b3-sampled":"1"`,
	"header X-Amzn-Trace-Id, Sampled=1":                  `"x-amzn-trace-id":"XRAY;Sampled=1"`,
	"header X-Amzn-Trace-Id, Sampled=0":                  `"x-amzn-trace-id":"XRAY;Sampled=0"`,
	"header X-Amzn-Trace-Id, Root alone, as AWS adds it": `"x-amzn-trace-id":"ROOT"`,
	"traceparent among the multi-value headers":          `"traceparent":["W3C"]`,

	"member traceparent of the payload":               `"traceparent":"W3C"`,
	"member AWSTraceHeader of the payload, Sampled=1": `"AWSTraceHeader":"XRAY;Sampled=1"`,
	"member AWSTraceHeader of the payload, Sampled=0": `"AWSTraceHeader":"XRAY;Sampled=0"`,
	"member traceparent of the execution's input":     `"traceparent":"W3C"`,
	"member traceparent of the detail":                `"traceparent":"W3C"`,
	"member traceparent of the data, a JSON object":   `"traceparent":"W3C"`,

	"message attribute traceparent":                                `"traceparent":"W3C"`,
	"message attribute traceparent, the same in both":              `"traceparent":"W3C"`,
	"message attribute traceparent, and another in AWSTraceHeader": `"traceparent":"W3C","AWSTraceHeader":"` + otherXRay + `"`,
	"AWSTraceHeader, Sampled=1":                                    `"AWSTraceHeader":"XRAY;Sampled=1"`,
	"AWSTraceHeader, Sampled=0":                                    `"AWSTraceHeader":"XRAY;Sampled=0"`,
	"attribute traceparent of the notification in the body":        `"traceparent":"W3C"`,
	"record header traceparent":                                    `"traceparent":"W3C"`,
}

// sender replaces the words of carried by the span of a sender.
func sender(trace, parent string) *strings.Replacer {
	root := "Root=1-" + trace[:8] + "-" + trace[8:]
	return strings.NewReplacer("W3C", "00-"+trace+"-"+parent+"-01", "XRAY", root+";Parent="+parent, "ROOT", root,
		"TRACE", trace, "PARENT", parent)
}

// typed is a function of the event as E.
func typed[E any]() any { return func(E) error { return nil } }

// forms are functions of the event as E, as a map and as its JSON text.
func forms[E any]() []any {
	return []any{typed[E](), typed[map[string]any](), typed[json.RawMessage]()}
}

// task is the payload of a state machine's task.
type task struct {
	Order       int             `json:"order"`
	Traceparent string          `json:"traceparent"`
	Header      string          `json:"AWSTraceHeader"`
	Context     json.RawMessage `json:"context"`
}

// eventDocument is an event as its source sends it, with what varies left out. MEMBERS, MULTI and INPUT stand for members
// that are carried; MULTI for the multi-value headers, INPUT for the execution's input.
type eventDocument struct {
	functions []any
	text      string
	record    func(members string) string // of one message, if text has RECORDS for the records of two
}

// eventDocuments are the events of the page. Others are in the corpus of package trigger.
var eventDocuments = map[string]eventDocument{
	"any": {[]any{typed[string](), typed[any](), func() {}}, `"order"`, nil},
	"HTTP API": {
		append(forms[events.APIGatewayV2HTTPRequest](), typed[*events.APIGatewayV2HTTPRequest]()),
		`{"version":"2.0","routeKey":"GET /orders/{id}","rawPath":"/orders/17","rawQueryString":"","headers":{MEMBERS},
		"requestContext":{"accountId":"123456789012","apiId":"api","http":{"method":"GET","path":"/orders/17"}}}`, nil,
	},
	"REST API": {
		forms[events.APIGatewayProxyRequest](),
		`{"resource":"/orders/{id}","path":"/orders/17","httpMethod":"GET","headers":{MEMBERS},"multiValueHeaders":{MULTI},
		"requestContext":{"resourceId":"r","resourcePath":"/orders/{id}","httpMethod":"GET","apiId":"api","stage":"prod"}}`, nil,
	},
	"load balancer": {
		forms[events.ALBTargetGroupRequest](),
		`{"requestContext":{"elb":{"targetGroupArn":"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/l/1"}},
		"httpMethod":"GET","path":"/orders/17","queryStringParameters":{},"headers":{MEMBERS},"multiValueHeaders":{MULTI}}`, nil,
	},
	"function URL": {
		forms[events.LambdaFunctionURLRequest](),
		`{"version":"2.0","routeKey":"$default","rawPath":"/orders/17","rawQueryString":"","headers":{MEMBERS},
		"requestContext":{"domainName":"u.lambda-url.eu-west-1.on.aws","http":{"method":"GET","path":"/orders/17"}}}`, nil,
	},
	"WebSocket API, a connection begins": {
		forms[events.APIGatewayWebsocketProxyRequest](),
		`{"headers":{MEMBERS},"requestContext":{"apiId":"api","stage":"live","requestId":"r","connectionId":"c",
		"routeKey":"$connect","eventType":"CONNECT"}}`, nil,
	},
	"Step Functions": {
		forms[task](),
		`{MEMBERS,"context":{"Execution":{"Id":"arn:aws:states:eu-west-1:123456789012:execution:fulfil:run-1",
		"Input":{INPUT},"Name":"run-1"},"State":{"Name":"Pick"},"StateMachine":{"Name":"fulfil"}}}`, nil,
	},
	"EventBridge": {
		forms[events.EventBridgeEvent](),
		`{"version":"0","id":"i","detail-type":"Order Placed","source":"shop.orders","account":"123456789012",
		"time":"2026-01-12T09:30:00Z","region":"eu-west-1","resources":[],"detail":RECORD}`,
		func(members string) string { return "{" + members + "}" },
	},
	"SQS, a batch":     {forms[events.SQSEvent](), `{"Records":[RECORDS]}`, sqsRecord},
	"SQS, one message": {forms[events.SQSEvent](), `{"Records":[RECORD]}`, sqsRecord},
	"SNS in SQS": {forms[events.SQSEvent](), `{"Records":[RECORDS]}`, func(members string) string {
		return sqsMessage("", "", snsMessage(members))
	}},
	"SNS": {forms[events.SNSEvent](), `{"Records":[{"EventSource":"aws:sns","Sns":RECORD}]}`, snsMessage},
	"Kinesis": {forms[events.KinesisEvent](), `{"Records":[RECORDS]}`, func(members string) string {
		return fmt.Sprintf(`{"kinesis":{"partitionKey":"p","sequenceNumber":"1","data":%q},"eventSource":"aws:kinesis",
			"eventSourceARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}`,
			base64.StdEncoding.EncodeToString([]byte("{"+members+"}")))
	}},
	"Kafka": {forms[events.KafkaEvent](), `{"eventSource":"aws:kafka","eventSourceArn":
		"arn:aws:kafka:eu-west-1:123456789012:cluster/shop/u","records":{"orders-0":[RECORDS]}}`, func(members string) string {
		var numbers []string // which the bytes of a header are
		for _, b := range []byte(attributeOf(members, "traceparent")) {
			numbers = append(numbers, strconv.Itoa(int(b)))
		}
		return `{"topic":"orders","partition":0,"offset":40,"value":"dg==","headers":[{"traceparent":[` +
			strings.Join(numbers, ",") + `]}]}`
	}},
}

// attributeOf returns a member of carried members, empty if there is none.
func attributeOf(members, name string) string {
	var all map[string]string
	if err := json.Unmarshal([]byte("{"+members+"}"), &all); err != nil {
		panic(err)
	}
	return all[name]
}

// sqsMessage is a message of a queue.
func sqsMessage(attributes, traceHeader, body string) string {
	system := `"ApproximateReceiveCount":"1","SentTimestamp":"1768210200000"`
	if traceHeader != "" {
		system += `,"AWSTraceHeader":"` + traceHeader + `"`
	}
	return fmt.Sprintf(`{"messageId":"0b1d2c3e-0000-4000-8000-000000000001","receiptHandle":"AQEB","body":%q,"attributes":{%s},
		"messageAttributes":{%s},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:orders",
		"awsRegion":"eu-west-1"}`, body, system, attributes)
}

// sqsW3C is a message with the attribute traceparent.
func sqsW3C(traceparent, traceHeader string) string {
	return sqsMessage(fmt.Sprintf(`"traceparent":{"stringValue":%q,"dataType":"String"}`, traceparent), traceHeader, "order")
}

// sqsXRay is a message with nothing but AWSTraceHeader.
func sqsXRay(traceHeader string) string { return sqsMessage("", traceHeader, `{"order":17}`) }

// sqsRecord is a message with carried members.
func sqsRecord(members string) string {
	if traceparent := attributeOf(members, "traceparent"); traceparent != "" {
		return sqsW3C(traceparent, attributeOf(members, "AWSTraceHeader"))
	}
	return sqsXRay(attributeOf(members, "AWSTraceHeader"))
}

// snsMessage is a notification.
func snsMessage(members string) string {
	return fmt.Sprintf(`{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:123456789012:orders",
		"Message":"order","MessageAttributes":{"traceparent":{"Type":"String","Value":%q}}}`, attributeOf(members, "traceparent"))
}

// inCorpus are the events of the page that carry nothing, with their documents in the corpus of package trigger.
var inCorpus = map[string]eventDocument{
	"DynamoDB Streams": {functions: forms[events.DynamoDBEvent](), text: "dynamodb"},
	"S3":               {functions: forms[events.S3Event](), text: "s3"},
	"schedule":         {functions: forms[events.CloudWatchEvent](), text: "schedule-rule"},
	"Cognito":          {functions: forms[events.CognitoEventUserPoolsPreSignup](), text: "cognito-pre-sign-up"},
}

// situationOf returns the situation of an event and a place, and marks the parts of the place.
func situationOf(t *testing.T, event, place string, used map[string]bool) (s situation) {
	t.Helper()
	members, placeholder := "", "MEMBERS"
	for part := range strings.SplitSeq(place, "; ") {
		used[part] = true
		if m, ok := carried[part]; ok {
			members = m
		} else if with, ok := invoked[part]; ok {
			s.lambda, s.environ = s.lambda+with.lambda, s.environ+with.environ
			s.concurrency += with.concurrency
		} else {
			t.Fatalf("docs/propagation.md names the place %q", part)
		}
		switch {
		case strings.HasPrefix(part, "traceparent among the multi"):
			placeholder = "MULTI"
		case strings.HasSuffix(part, "input"):
			placeholder = "INPUT"
		}
	}
	if d, ok := inCorpus[event]; ok {
		text, _ := document(t, d.text)
		s.payload, s.functions = string(text), d.functions
		return s
	}
	d, ok := eventDocuments[event]
	if !ok {
		t.Fatalf("docs/propagation.md names the event %q", event)
	}
	first, second := sender(firstTrace, firstParent), sender(secondTrace, secondParent)
	if strings.HasSuffix(place, "the same in both") {
		second = first
	}
	s.functions = d.functions
	if d.record != nil {
		one := d.record(first.Replace(members))
		s.payload = strings.NewReplacer("RECORDS", one+","+d.record(second.Replace(members)), "RECORD", one).Replace(d.text)
		return s
	}
	text := d.text
	if members != "" {
		text = strings.Replace(text, placeholder, sender(w3cTrace, w3cParent).Replace(members), 1)
	}
	s.payload = strings.NewReplacer("{MEMBERS,", `{"order":17,`, "MEMBERS", "", "MULTI", "", "INPUT", "").Replace(text)
	return s
}
