package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// activeMQ is a queue of an Amazon MQ broker for ActiveMQ (AWS Lambda Developer Guide, "Using Lambda with Amazon MQ").
var activeMQ = source{
	name:  "ActiveMQ",
	types: []string{"ActiveMQEvent", "ActiveMQMessage"},
	is: func(d *document) bool {
		return d.Get("messages").IsList() && d.Get("eventSource").Text() == "aws:mq" || d.recordSource == "aws:mq" || d.recordSource == "aws:amq"
	},
	read:   readActiveMQ,
	record: activeMQRecord,
}

var activeMQRecord = []string{"messageID", "destination", "properties"}

func readActiveMQ(d *document, _ *Settings) Cause {
	var b batch
	b.addList(d.Get("messages").Or(d.records), func(r *event.Object) message {
		return message{
			destination: r.Get("destination").Get("physicalName").Text(), id: r.Get("messageID").Text(),
			carrier: carrierOf(event.Value.Text, r.Get("properties"), event.Value{}),
		}
	}, activeMQRecord...)
	return b.cause(semconv.MessagingSystemActiveMQ, b.destination.get())
}
