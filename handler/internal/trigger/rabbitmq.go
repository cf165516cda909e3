package trigger

import (
	"cmp"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// rabbitMQ is a queue of an Amazon MQ broker for RabbitMQ. Its messages come in a list for each queue,
// "QUEUE::VIRTUALHOST" (AWS Lambda Developer Guide, "Using Lambda with Amazon MQ"). EventBridge Pipes send one list,
// and the queue with each message.
var rabbitMQ = source{
	name:  "RabbitMQ",
	types: []string{"RabbitMQEvent", "RabbitMQMessage"},
	is: func(d *document) bool {
		return d.Get("rmqMessagesByQueue").IsObject() && d.Get("eventSource").Text() == "aws:rmq" || d.recordSource == "aws:rmq"
	},
	read:   readRabbitMQ,
	record: rabbitMQRecord,
}

var rabbitMQRecord = []string{"basicProperties", "eventSourceKey"}

func readRabbitMQ(d *document, _ *Settings) Cause {
	var b batch
	add := func(queue string, list event.Value) {
		b.addList(list, func(r *event.Object) message {
			properties := r.Get("basicProperties").Select("messageId", "headers")
			return message{
				destination: cmp.Or(queue, r.Get("eventSourceKey").Text()), id: properties.Get("messageId").Text(),
				carrier: carrierOf(rabbitText, properties.Get("headers"), event.Value{}),
			}
		}, rabbitMQRecord...)
	}
	add("", d.records)
	for _, queue := range d.Get("rmqMessagesByQueue").Members(maxMembers) {
		add(queue.Name, queue.Value)
	}
	queue, _, _ := strings.Cut(b.destination.get(), "::")
	return b.cause(semconv.MessagingSystemRabbitMQ, queue)
}

// rabbitText returns a header: a string, or an object with bytes.
func rabbitText(v event.Value) string {
	if v.IsObject() {
		return byteText(v.Get("bytes"))
	}
	return v.Text()
}
