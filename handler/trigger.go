package handler

import "github.com/epilogue-go/epilogue/handler/internal/trigger"

// Trigger is the source of invocations, for [WithTrigger]. Its values are the constants of this package.
type Trigger interface{ source() trigger.Source }

// triggerName is the only Trigger. A constant cannot be set to another value.
type triggerName string

// The known triggers. docs/triggers.md has the attributes of each.
const (
	RESTAPI       triggerName = "REST API"         // of API Gateway, and an HTTP API with payload format 1.0
	HTTPAPI       triggerName = "HTTP API"         // of API Gateway, with payload format 2.0
	WebSocketAPI  triggerName = "WebSocket API"    // of API Gateway
	LoadBalancer  triggerName = "load balancer"    // an Application Load Balancer
	FunctionURL   triggerName = "function URL"     // buffered or streaming
	VPCLattice    triggerName = "VPC Lattice"      // version 1 or 2 of its events
	SQS           triggerName = "SQS"              // also with messages from SNS or EventBridge
	SNS           triggerName = "SNS"              //
	EventBridge   triggerName = "EventBridge"      // a rule for events
	Schedule      triggerName = "schedule"         // a rule with a schedule, or EventBridge Scheduler
	Kinesis       triggerName = "Kinesis"          // a data stream
	Kafka         triggerName = "Kafka"            // MSK or any other
	ActiveMQ      triggerName = "ActiveMQ"         // a broker of Amazon MQ
	RabbitMQ      triggerName = "RabbitMQ"         // a broker of Amazon MQ
	DynamoDB      triggerName = "DynamoDB Streams" //
	DocumentDB    triggerName = "DocumentDB"       // a change stream
	S3            triggerName = "S3"               // event notifications
	StepFunctions triggerName = "Step Functions"   // a task whose payload has the context object
	AppSync       triggerName = "AppSync"          // a direct resolver, an Event API's handler, or an authorizer
	Cognito       triggerName = "Cognito"          // a user pool's triggers, and Cognito Sync
	Other         triggerName = "other"            // a caller with JSON of its own
)

func (n triggerName) source() trigger.Source { return trigger.Named(string(n)) }

// WithTrigger sets the source of invocations, if the event does not tell it: the function takes a type of its own and
// [WithRawEvent] costs too much, or the event has an unknown form. The span's attributes then come from the fields of
// that type, by their names in JSON. Default, also for nil: found out from each event.
func WithTrigger(t Trigger) Option {
	return func(c *config) {
		if t != nil {
			c.events.Source = t.source()
		}
	}
}

// WithRawEvent reads the source of the invocation from the event's JSON text, for a function that takes a type of its
// own without the fields for it. The function and the Runtime API see no difference. Give options for decoding
// (lambda.WithUseNumber, lambda.WithDisallowUnknownFields) to [WithLambdaOptions] as well, or they have no effect.
// Functions that read handlertrace.HandlerTrace.RequestEvent see a type of this package there.
//
// It costs a copy of the payload and two more scans of it, up to as much again as its decoding (BenchmarkRawEvent). A
// payload that does not decode leaves a span, too. Default: on for a type with a method UnmarshalJSON, off for others.
// It has no effect on a function that takes no event, a map, an interface, a json.RawMessage or a type of the events
// package, which tell the source by themselves.
func WithRawEvent() Option {
	return func(c *config) { c.rawEvent = true }
}

// WithCapturedRequestHeaders records the headers of these names, in any case, as http.request.header.NAME. Default:
// none, since headers contain credentials. A second call adds names. A blank name is ignored.
func WithCapturedRequestHeaders(names ...string) Option {
	return func(c *config) {
		c.events.RequestHeaders = append(c.events.RequestHeaders, trigger.LowerNames(names)...)
	}
}

// WithCapturedResponseHeaders records the headers of these names, in any case, as http.response.header.NAME, from the
// results of HTTP events. Default: none. A second call adds names. A blank name is ignored.
func WithCapturedResponseHeaders(names ...string) Option {
	return func(c *config) {
		c.events.ResponseHeaders = append(c.events.ResponseHeaders, trigger.LowerNames(names)...)
	}
}

// WithQueryValues records the values of these parameters of a request's query in url.query. Names are case-sensitive.
// Default: none; url.query has the names, and REDACTED for every value. A second call adds names.
func WithQueryValues(names ...string) Option {
	return func(c *config) { c.events.QueryValues = append(c.events.QueryValues, names...) }
}
