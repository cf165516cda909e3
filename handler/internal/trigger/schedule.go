package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// schedule is a rule with a schedule, or EventBridge Scheduler without an input of its own (EventBridge User Guide,
// "Events from AWS services"; Scheduler User Guide, "Schedule targets"). The event does not have the schedule's
// expression.
var schedule = source{
	name: "schedule",
	is:   isSchedule,
	read: readSchedule,
}

func isSchedule(d *document) bool {
	source := d.Get("source").Text()
	return d.Get("detail-type").Text() == "Scheduled Event" && (source == "aws.events" || source == "aws.scheduler")
}

// readSchedule follows the OpenTelemetry FaaS conventions, "Timer".
func readSchedule(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerTimer)
	c.addText(semconv.FaaSTimeKey, moment(d.Get("time")))
	return c
}
