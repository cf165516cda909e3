package trigger

import (
	"strings"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// documentMembers are the members of events that sources read.
var documentMembers = []string{
	// of lists of records and messages
	"Records", "records", "eventSource", "messages", "rmqMessagesByQueue", "events",
	// of requests
	"requestContext", "httpMethod", "method", "path", "rawPath", "raw_path", "resource", "routeKey", "headers", "multiValueHeaders",
	"rawQueryString", "queryStringParameters", "multiValueQueryStringParameters", "query_string_parameters", "methodArn", "routeArn",
	// of EventBridge
	"detail-type", "source", "detail", "id", "time",
	// of Step Functions, AppSync and Cognito
	"Execution", "State", "StateMachine", "Context", "context", "AWSTraceHeader", "info", "request",
	"authorizationToken", "requestHeaders",
	"triggerSource", "userPoolId", "datasetName", "identityPoolId",
}

// contextMembers are those of a request's requestContext.
var contextMembers = []string{
	"elb", "connectionId", "domainName", "protocol", "routeKey", "stage", "http", "identity", "serviceArn", "serviceNetworkArn",
}

// document is an event with the members that sources have in common.
type document struct {
	event.Object                // with documentMembers
	context      event.Object   // requestContext, with contextMembers
	lists        []event.Member // of records: one, or one for each queue or partition, with its name
	eventSource  string         // of the first record, or of all
	record       []string       // the members of a record that the event's source reads
}

func newDocument(e event.Value) *document {
	d := &document{Object: e.Select(documentMembers...)}
	d.context = d.Get("requestContext").Select(contextMembers...)
	d.findRecords()
	var first event.Object
	if len(d.lists) > 0 {
		first = d.lists[0].Value.First().Select("eventSource", "EventSource") // SNS writes it in the second way
	}
	d.eventSource = first.Get("eventSource").Or(first.Get("EventSource")).Or(d.Get("eventSource")).Text()
	return d
}

// findRecords finds the lists of records. EventBridge Pipes send one list without an object around it, Kafka and
// RabbitMQ an object of lists.
func (d *document) findRecords() {
	if d.IsList() {
		d.lists = []event.Member{{Value: d.Value}}
		return
	}
	for _, name := range [...]string{"Records", "records", "rmqMessagesByQueue", "messages", "events"} {
		v := d.Get(name)
		if v.IsList() {
			d.lists = []event.Member{{Value: v}}
			return
		}
		if d.lists = v.Members(maxMembers); len(d.lists) > 0 {
			return
		}
	}
}

// maxRecords is how many records of a batch are read; all are counted. It is the number of links that a span keeps by
// default (OpenTelemetry specification, SDK, "Span Limits").
const maxRecords = 128

// eachRecord calls f with the first records, each with the name of its list. It returns how many there are.
func (d *document) eachRecord(f func(list string, record *event.Object)) (n int) {
	for _, list := range d.lists {
		n += list.Value.Each(maxRecords-n, func(element event.Value) {
			record := element.Select(d.record...)
			f(list.Name, &record)
		})
	}
	return n
}

// detect returns the source of the event.
func (d *document) detect() Source {
	switch http := d.context.Get("http").IsObject(); {
	case !d.isRequest():
	case d.context.Get("elb").IsObject():
		return LoadBalancer
	case http && strings.Contains(d.context.Get("domainName").Text(), ".lambda-url."):
		return FunctionURL
	case http:
		return HTTPAPI
	case d.context.Get("connectionId").Present():
		return WebSocketAPI
	case d.Get("httpMethod").Present():
		return RESTAPI
	case d.Get("method").Present() && d.context.Get("serviceArn").Or(d.context.Get("serviceNetworkArn")).Present():
		return VPCLattice
	}
	if s := recordSource(d.eventSource); s != Unknown && len(d.lists) > 0 {
		return s
	}
	switch {
	case d.Get("method").Present() && d.Get("raw_path").Present():
		return VPCLattice
	case d.isBusEvent():
		return EventBridge // or Schedule, which Reader.read tells apart
	case d.isTask():
		return StepFunctions
	case d.isAppSync():
		return AppSync
	case d.Get("triggerSource").Present() && d.Get("userPoolId").Present(),
		d.Get("datasetName").Present() && d.Get("identityPoolId").Present():
		return Cognito
	}
	return Other
}

// isRequest reports whether the event is a request. An authorizer's event, which has an ARN for it, asks about one.
func (d *document) isRequest() bool {
	return d.context.IsObject() && !d.Get("methodArn").Present() && !d.Get("routeArn").Present()
}

// recordSource returns the source whose records have this eventSource, Unknown if there is none.
func recordSource(eventSource string) Source {
	switch eventSource {
	case "aws:sqs":
		return SQS
	case "aws:sns":
		return SNS
	case "aws:kinesis":
		return Kinesis
	case "aws:kafka", "SelfManagedKafka":
		return Kafka
	case "aws:mq", "aws:amq": // the second from EventBridge Pipes
		return ActiveMQ
	case "aws:rmq":
		return RabbitMQ
	case "aws:dynamodb":
		return DynamoDB
	case "aws:docdb":
		return DocumentDB
	case "aws:s3":
		return S3
	}
	return Unknown
}
