package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

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
	event.Object              // with documentMembers
	context      event.Object // requestContext, with contextMembers
	records      event.Value  // the event's records, or the event itself if it is a list, as EventBridge Pipes send it
	recordSource string       // the eventSource of the first record
}

func newDocument(e event.Value) *document {
	d := &document{Object: e.Select(documentMembers...)}
	d.context = d.Get("requestContext").Select(contextMembers...)
	if d.records = d.Get("Records"); e.IsList() {
		d.records = e
	}
	first := d.records.First().Select("eventSource", "EventSource") // SNS writes it in the second way
	d.recordSource = first.Get("eventSource").Or(first.Get("EventSource")).Text()
	return d
}

// detect returns the source of the event.
func (d *document) detect() Source {
	if found := find(func(s *source) bool { return s.is != nil && s.is(d) }); found != Unknown {
		return found
	}
	return Other
}
