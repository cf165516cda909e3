package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// eventBridge is an event bus (EventBridge User Guide, "Events"). An event does not name its bus: in the span's name the event's
// type stands for it.
var eventBridge = source{
	name:      "EventBridge",
	types:     []string{"CloudWatchEvent"},
	signature: []string{"detail-type"},
	members:   []string{"source", "detail", "id"},
	is: func(d *document) bool {
		return d.Get("detail-type").Present() && d.Get("source").Present() && !isSchedule(d)
	},
	read: readEventBridge,
}

// eventBridgeSystem is a value of ours: the conventions have none for EventBridge, and allow that.
const eventBridgeSystem = "aws.eventbridge"

func readEventBridge(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemKey.String(eventBridgeSystem), count: 1}
	b.add(event.Value{}, d.Get("id"), attributesOf(detailOf(&d.Object), event.Value{}), "")
	c := b.cause("")
	if kind := d.Get("detail-type").Text(); kind != "" {
		c.Name += " " + kind
		c.add(semconv.CloudEventsEventType(kind))
	}
	c.addText(semconv.CloudEventsEventSourceKey, d.Get("source").Text())
	return c
}
