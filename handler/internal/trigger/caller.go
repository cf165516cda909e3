package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// readSchedule reads an event of a rule with a schedule, or of EventBridge Scheduler without an input of its own
// (EventBridge User Guide, "Events from AWS services"; Scheduler User Guide, "Schedule targets"). The event does not
// have the schedule's expression (OpenTelemetry FaaS conventions, "Timer").
func readSchedule(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerTimer)
	c.addText(semconv.FaaSTimeKey, moment(d.Get("time")))
	return c
}

func (d *document) isSchedule() bool {
	source := d.Get("source").Text()
	return d.Get("detail-type").Text() == "Scheduled Event" && (source == "aws.events" || source == "aws.scheduler")
}

// readStepFunctions reads a task's payload that is the context object, or has it as its member "Context" or "context"
// (Step Functions Developer Guide, "Accessing execution data from the Context object"). The span context that started
// the execution may be among the payload's own members, or among those of the execution's input.
func readStepFunctions(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	task := d.task()
	c.addText(semconv.AWSStepFunctionsStateMachineARNKey, task.Get("StateMachine").Get("Id").Text())
	input := task.Get("Execution").Get("Input")
	header := d.Get("AWSTraceHeader").Or(input.Get("AWSTraceHeader")).Text()
	c.Caller = Origin{Carrier: carrierOf(event.Value.Text, d.Value, input), TraceHeader: header}
	return c
}

// task returns the context object, or another object if there is none.
func (d *document) task() event.Object {
	task := d.Object
	for _, name := range [...]string{"Context", "context"} {
		if isContextObject(&task) {
			break
		}
		task = d.Get(name).Select("Execution", "StateMachine", "State")
	}
	return task
}

func (d *document) isTask() bool {
	task := d.task()
	return isContextObject(&task)
}

func isContextObject(o *event.Object) bool {
	return o.Get("Execution").IsObject() && o.Get("StateMachine").IsObject() && o.Get("State").IsObject()
}

// readAppSync reads an event of an API of AppSync, which has the headers of the client's request (AWS AppSync Developer
// Guide). The result is no HTTP response, so the trigger is not HTTP.
func readAppSync(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	request, info := d.resolverContext()
	switch info.Get("parentTypeName").Text() { // other types are those of fields within a result
	case "Query":
		c.add(semconv.GraphQLOperationTypeQuery)
	case "Mutation":
		c.add(semconv.GraphQLOperationTypeMutation)
	case "Subscription":
		c.add(semconv.GraphQLOperationTypeSubscription)
	}
	c.Caller.Carrier = carrierOf(headerText, request.Get("headers").Or(d.Get("requestHeaders")), event.Value{})
	return c
}

// isAppSync reports whether the function is one of these:
//
//   - It resolves a field of a GraphQL API, alone or for a list of objects ("Direct Lambda resolver reference").
//   - It handles the operation PUBLISH or SUBSCRIBE on a channel of an Event API ("Channel namespace handlers").
//   - It authorizes requests to either API ("AWS_LAMBDA authorization").
func (d *document) isAppSync() bool {
	request, info := d.resolverContext()
	isField := info.Get("parentTypeName").Present() && info.Get("fieldName").Present()
	isChannel := info.Get("channel").Present() && info.Get("operation").Present()
	return request.IsObject() && (isField || isChannel) || d.Get("authorizationToken").Present() && d.Get("requestHeaders").IsObject()
}

// resolverContext returns members of the context, which is the event or the first of a list.
func (d *document) resolverContext() (request, info event.Value) {
	first := d.First()
	return d.Get("request").Or(first.Get("request")), d.Get("info").Or(first.Get("info"))
}

// cognitoSource is an attribute of ours: the conventions have none for Cognito (FaaS conventions, "Other").
const cognitoSource = attribute.Key("epilogue.cognito.trigger_source")

// readCognito reads an event of a user pool or of Cognito Sync. The user is not recorded.
func readCognito(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	c.addText(cognitoSource, d.Get("triggerSource").Text())
	return c
}

// readOther reads the event of any other caller. The conventions require a trigger of every server span.
func readOther(*document, *Settings) Cause { return newServerCause(semconv.FaaSTriggerOther) }
