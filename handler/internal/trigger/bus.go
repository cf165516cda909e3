package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// busSystem is a value of ours: the conventions have none for EventBridge, and allow that.
const busSystem = "aws.eventbridge"

// isSchedule reports whether an EventBridge event comes from a schedule: of a rule, or of EventBridge Scheduler where it
// has no input of its own (EventBridge User Guide, "Events from AWS services"; Scheduler User Guide, "Schedule targets").
func (d *document) isSchedule() bool {
	return d.detailType.is("Scheduled Event") && (d.source.is("aws.events") || d.source.is("aws.scheduler"))
}

// readEventBridge reads an event of a bus, whose name it does not have: in the span's name the event's type stands for it.
func (c *Cause) readEventBridge(d *document) {
	b := batch{system: semconv.MessagingSystemKey.String(busSystem), count: 1, hint: 1, id: d.id.text()}
	detail := d.detail
	if !detail.isObject() {
		detail = value{}
	}
	b.origin(&carrier{objects: [2]value{detail}, data: true}, "")
	b.cause(c, "")
	if kind := d.detailType.text(); kind != "" {
		c.Name += " " + kind
		c.add(semconv.CloudEventsEventType(kind))
	}
	if source := d.source.text(); source != "" {
		c.add(semconv.CloudEventsEventSource(source))
	}
}

// readSchedule reads what a schedule sends (OpenTelemetry FaaS conventions, "Timer"). The schedule's expression is not in it.
func (c *Cause) readSchedule(d *document) {
	c.Kind = trace.SpanKindServer
	c.Attributes = append(make([]attribute.KeyValue, 0, 2+Spare), semconv.FaaSTriggerTimer)
	if at := d.time.moment(); at != "" {
		c.add(semconv.FaaSTime(at))
	}
}
