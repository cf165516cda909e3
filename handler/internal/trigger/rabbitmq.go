package trigger

import (
	"strings"

	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// rabbitMQ is a queue of an Amazon MQ broker for RabbitMQ. Its messages come in a list for each queue, "QUEUE::VIRTUALHOST" (AWS
// Lambda Developer Guide, "Using Lambda with Amazon MQ").
var rabbitMQ = source{
	name:      "RabbitMQ",
	types:     []string{"RabbitMQEvent"},
	signature: []string{"eventSource"},
	members:   []string{"rmqMessagesByQueue"},
	is: func(d *document) bool {
		return d.Get("rmqMessagesByQueue").IsObject() && d.Get("eventSource").Is("aws:rmq") || d.recordSource == "aws:rmq"
	},
	read: readRabbitMQ,
}

func readRabbitMQ(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemRabbitMQ}
	members := []string{"basicProperties", "eventSourceKey"} // EventBridge Pipes have the queue in the latter
	var queues []string
	add := func(m *event.Object) {
		properties := m.Get("basicProperties").Select("messageId", "headers")
		b.add(m.Get("eventSourceKey"), properties.Get("messageId"), rabbitHeaders(properties.Get("headers")), "")
	}
	b.count = d.records.EachObject(maxMessages, members, add)
	for _, queue := range d.Get("rmqMessagesByQueue").Members(maxMembers) {
		queues = append(queues, queue.Name)
		b.count += queue.Value.EachObject(maxMessages-b.seen, members, add)
	}
	queue := b.destination.get()
	if len(queues) == 1 {
		queue = queues[0]
	}
	queue, _, _ = strings.Cut(queue, "::")
	c := b.cause(queue)
	b.addCount(&c, d.records, d.Get("rmqMessagesByQueue"))
	return c
}

// rabbitHeaders returns the carrier of a message's headers, nil if it has none. A header is a string, or an object with bytes.
func rabbitHeaders(headers event.Value) propagation.TextMapCarrier {
	if headers.Empty() {
		return nil
	}
	return &carrier{objects: [2]event.Value{headers}, text: func(v event.Value) string {
		if v.IsObject() {
			return byteText(v.Get("bytes"))
		}
		return v.Text()
	}}
}
