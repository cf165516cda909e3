package trigger

import (
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// activeMQ is a queue of an Amazon MQ broker for ActiveMQ (AWS Lambda Developer Guide, "Using Lambda with Amazon MQ").
var activeMQ = source{
	name:      "ActiveMQ",
	types:     []string{"ActiveMQEvent"},
	signature: []string{"eventSource"},
	members:   []string{"messages"},
	is: func(d *document) bool {
		return d.Get("messages").IsList() && d.Get("eventSource").Is("aws:mq") || d.recordSource == "aws:mq" || d.recordSource == "aws:amq"
	},
	read: readActiveMQ,
}

func readActiveMQ(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemActiveMQ}
	messages := d.Get("messages").Or(d.records)
	b.count = messages.EachObject(maxMessages, []string{"messageID", "destination", "properties"}, func(m *event.Object) {
		b.add(m.Get("destination").Get("physicalName"), m.Get("messageID"), propertiesOf(m.Get("properties")), "")
	})
	c := b.cause(b.destination.get())
	b.addCount(&c, messages)
	return c
}

// propertiesOf returns the carrier of a message's properties, nil if it has none.
func propertiesOf(properties event.Value) propagation.TextMapCarrier {
	if properties.Empty() {
		return nil
	}
	return &carrier{objects: [2]event.Value{properties}, text: event.Value.Text}
}
