package handler

import "github.com/epilogue-go/epilogue/handler/internal/trigger"

// Trigger is what invokes a function, for [WithTrigger]. Its values are the constants of this package.
type Trigger interface{ source() trigger.Source }

// triggerName is the only Trigger; a constant can not be set to another value.
type triggerName string

// The triggers that are told apart. What a span says for each is in docs/triggers.md.
const (
	RESTAPI       triggerName = "REST API"         // of API Gateway, and an HTTP API with payload format 1.0
	HTTPAPI       triggerName = "HTTP API"         // of API Gateway, with payload format 2.0
	WebSocketAPI  triggerName = "WebSocket API"    // of API Gateway
	LoadBalancer  triggerName = "load balancer"    // an Application Load Balancer
	FunctionURL   triggerName = "function URL"     // buffered or streaming
	SQS           triggerName = "SQS"              // messages of SNS in it included
	SNS           triggerName = "SNS"              //
	EventBridge   triggerName = "EventBridge"      // a rule for events
	Schedule      triggerName = "schedule"         // a rule with a schedule, or EventBridge Scheduler
	Kinesis       triggerName = "Kinesis"          // a data stream
	Kafka         triggerName = "Kafka"            // MSK or any other
	DynamoDB      triggerName = "DynamoDB Streams" //
	S3            triggerName = "S3"               // event notifications
	StepFunctions triggerName = "Step Functions"   // a task whose payload has the context object
	Cognito       triggerName = "Cognito"          // a user pool's triggers, and Cognito Sync
	Other         triggerName = "other"            // a caller with JSON of its own
)

func (n triggerName) source() trigger.Source { return trigger.Named(string(n)) }

// WithTrigger tells what invokes the function, where its event does not tell by itself: the function takes a type of its own
// and [WithRawEvent] costs too much, or the event is of an unknown form. What the span says is then read from the
// members that the type has, by their names in JSON. Default, also for nil: found out from each event.
func WithTrigger(t Trigger) Option {
	return optionFunc(func(c *config) {
		if t != nil {
			c.events.Source = t.source()
		}
	})
}

// WithRawEvent lets the event's JSON text tell what invoked the function, where the function takes a type of its own that
// does not have the members for it. What the function gets stays the same, and so does what the Runtime API gets for a
// payload that does not decode; options for decoding (lambda.WithUseNumber, lambda.WithDisallowUnknownFields) have to be
// given to [WithLambdaOptions] as well, or they have no effect. Functions that read
// handlertrace.HandlerTrace.RequestEvent see a type of this package there.
//
// The price is a copy of the payload and two more scans of it: up to as much again as its decoding, see BenchmarkRawEvent. It
// leaves a span for a payload that does not decode, too. Default: off. It has no effect on a function that takes no event, a
// map, an interface, a json.RawMessage or an event of the events package, which tell by themselves.
func WithRawEvent() Option {
	return optionFunc(func(c *config) { c.rawEvent = true })
}

// WithCapturedRequestHeaders records the headers of these names, in any case, as http.request.header.NAME. Default: none,
// since headers hold credentials. Given again it adds to the names; a blank one is ignored.
func WithCapturedRequestHeaders(names ...string) Option {
	return optionFunc(func(c *config) {
		c.events.RequestHeaders = append(c.events.RequestHeaders, trigger.LowerNames(names)...)
	})
}

// WithCapturedResponseHeaders records the headers of these names, in any case, as http.response.header.NAME, where the
// result of an HTTP event has them. Default: none. Given again it adds to the names; a blank one is ignored.
func WithCapturedResponseHeaders(names ...string) Option {
	return optionFunc(func(c *config) {
		c.events.ResponseHeaders = append(c.events.ResponseHeaders, trigger.LowerNames(names)...)
	})
}

// WithQueryValues records the values of these parameters of a request's query in url.query; a name counts as it is sent,
// case and all. Default: none; url.query has the names, and REDACTED for every value. Given again it adds to the names.
func WithQueryValues(names ...string) Option {
	return optionFunc(func(c *config) { c.events.QueryValues = append(c.events.QueryValues, names...) })
}
