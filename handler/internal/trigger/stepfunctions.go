package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// stepFunctions reports whether the payload is a state machine's context object, or has it as its member "Context" or
// "context" (Step Functions Developer Guide, "Accessing execution data from the Context object"). It leaves the object's
// parts where they would be if the payload was it.
func (d *document) stepFunctions() bool {
	for _, within := range []*value{&d.inner, &d.inner2} {
		if d.execution.isObject() && d.machine.isObject() && d.state.isObject() {
			return true
		}
		within.pick(field{name: "Execution", into: &d.execution}, field{name: "StateMachine", into: &d.machine}, field{name: "State", into: &d.state})
	}
	return d.execution.isObject() && d.machine.isObject() && d.state.isObject()
}

// readStepFunctions reads a task's payload. The span context that started the execution may be among the payload's own
// members, or among those of the execution's input.
func (c *Cause) readStepFunctions(d *document) {
	d.stepFunctions()
	c.Kind = trace.SpanKindServer
	c.Attributes = append(make([]attribute.KeyValue, 0, 2+Spare), semconv.FaaSTriggerOther)
	arn := d.machine.get("Id")
	c.addText(semconv.AWSStepFunctionsStateMachineARNKey, arn.text())
	input := d.execution.get("Input")
	if !input.isObject() {
		input = value{}
	}
	header := d.traceHeader
	if !header.present() {
		header = input.get("AWSTraceHeader")
	}
	c.Caller = Origin{Carrier: &carrier{objects: [2]value{d.whole, input}, data: true}, TraceHeader: header.text()}
}
