package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// stepFunctions is a state machine's task whose payload is the context object, or has it as its member "Context" or
// "context" (Step Functions Developer Guide, "Accessing execution data from the Context object").
var stepFunctions = source{
	name: "Step Functions",
	is:   func(d *document) bool { _, ok := contextObject(d); return ok },
	read: readStepFunctions,
}

// contextObject finds the context object.
func contextObject(d *document) (event.Object, bool) {
	if isContextObject(&d.Object) {
		return d.Object, true
	}
	for _, name := range []string{"Context", "context"} {
		if o := d.Get(name).Select("Execution", "StateMachine", "State"); isContextObject(&o) {
			return o, true
		}
	}
	return event.Object{}, false
}

func isContextObject(o *event.Object) bool {
	return o.Get("Execution").IsObject() && o.Get("StateMachine").IsObject() && o.Get("State").IsObject()
}

// readStepFunctions reads a task's payload. The span context that started the execution may be among the payload's own
// members, or among those of the execution's input.
func readStepFunctions(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	o, _ := contextObject(d)
	c.addText(semconv.AWSStepFunctionsStateMachineARNKey, o.Get("StateMachine").Get("Id").Text())
	input := o.Get("Execution").Get("Input")
	header := d.Get("AWSTraceHeader").Or(input.Get("AWSTraceHeader")).Text()
	c.Caller = Origin{Carrier: carrierOf(event.Value.Text, d.Value, input), TraceHeader: header}
	return c
}
