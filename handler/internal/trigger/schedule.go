package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// schedule is a rule with a schedule, or EventBridge Scheduler without an input of its own (EventBridge User Guide, "Events from
// AWS services"; Scheduler User Guide, "Schedule targets"). The event does not have the schedule's expression.
var schedule = source{
	name:      "schedule",
	signature: []string{"detail-type"},
	members:   []string{"source", "time"},
	is:        isSchedule,
	read:      readSchedule,
}

func isSchedule(d *document) bool {
	source := d.Get("source")
	return d.Get("detail-type").Is("Scheduled Event") && (source.Is("aws.events") || source.Is("aws.scheduler"))
}

// readSchedule follows the OpenTelemetry FaaS conventions, "Timer".
func readSchedule(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerTimer)
	c.addText(semconv.FaaSTimeKey, moment(d.Get("time")))
	return c
}
