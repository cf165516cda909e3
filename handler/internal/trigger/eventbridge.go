package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// eventBridge is an event bus (EventBridge User Guide, "Events"). An event does not name its bus: in the span's name
// the event's type stands for it.
var eventBridge = source{
	name:  "EventBridge",
	types: []string{"CloudWatchEvent"},
	is: func(d *document) bool {
		return d.Get("detail-type").Present() && d.Get("source").Present() && !isSchedule(d)
	},
	read: readEventBridge,
}

// eventBridgeSystem is a value of ours: the conventions have none for EventBridge, and allow that.
var eventBridgeSystem = semconv.MessagingSystemKey.String("aws.eventbridge")

func readEventBridge(d *document, _ *Settings) Cause {
	b := batch{count: 1}
	b.add(message{id: d.Get("id").Text(), carrier: carrierOf(attributeText, detailOf(&d.Object), event.Value{})})
	c := b.cause(eventBridgeSystem, "")
	if kind := d.Get("detail-type").Text(); kind != "" {
		c.Name += " " + kind
		c.add(semconv.CloudEventsEventType(kind))
	}
	c.addText(semconv.CloudEventsEventSourceKey, d.Get("source").Text())
	return c
}
