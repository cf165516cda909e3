package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// message describes one record of a batch.
type message struct {
	destination, id string
	origin          Origin
}

// batch gathers what the messages of an event tell.
type batch struct {
	count       int  // all messages
	counted     bool // the event has a list of them: one of a program's own type may not
	destination common
	id          string // of the last message
	origins     []Origin
}

// batchOf reads the messages of an event, each with the name of its list.
func batchOf(d *document, read func(list string, record *event.Object) message) *batch {
	b := &batch{counted: len(d.lists) > 0}
	b.count = d.eachRecord(func(list string, record *event.Object) { b.add(read(list, record)) })
	return b
}

// add adds a message, which is counted already.
func (b *batch) add(m message) {
	b.destination.add(m.destination)
	b.id = m.id
	if m.origin.Carrier != nil || m.origin.TraceHeader != "" {
		b.origins = append(b.origins, m.origin)
	}
}

// cause returns what the conventions ask for about messages (OpenTelemetry AWS Lambda conventions, "SQS Event";
// messaging conventions, "Span name" and "Messaging attributes"). The name is "process DESTINATION", as in the examples
// of both; the text of the former has the reverse order.
func (b *batch) cause(system attribute.KeyValue, destination string) Cause {
	const operation = "process"
	c := Cause{Kind: trace.SpanKindConsumer, Batch: b.count, Messages: b.origins, Name: operation}
	c.Attributes = append(make([]attribute.KeyValue, 0, usualAttributes), semconv.FaaSTriggerPubSub, system,
		semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName(operation))
	if destination != "" {
		c.Name += " " + destination
		c.add(semconv.MessagingDestinationName(destination))
	}
	if b.counted {
		c.add(semconv.MessagingBatchMessageCount(b.count))
	}
	if b.count == 1 {
		c.addText(semconv.MessagingMessageIDKey, b.id)
	}
	return c
}

// common is a value that may be the same for all records.
type common struct {
	value        string
	seen, differ bool
}

// add adds the value of one record.
func (c *common) add(value string) {
	c.differ = c.differ || c.seen && value != c.value
	c.value, c.seen = value, true
}

// get returns the value, empty if the records have different ones.
func (c *common) get() string {
	if c.differ {
		return ""
	}
	return c.value
}

// envelopeMembers are those of an SNS message and of an EventBridge event.
var envelopeMembers = []string{"Type", "TopicArn", "MessageAttributes", "Message", "detail-type", "source", "detail"}

// openEnvelope looks into the body of a message, which SNS or EventBridge may have sent: it is the JSON text of an SNS
// message (Amazon SNS Developer Guide, "Raw message delivery") or of an event. It returns the topic and the members
// that may have a span context. A body is decoded once, and once more for an event within an SNS message.
func openEnvelope(body event.Value) (topic string, members event.Value) {
	if !body.Mentions("TopicArn", "detail-type") {
		return "", event.Value{}
	}
	e := body.Embedded().Select(envelopeMembers...)
	if topic = e.Get("TopicArn").Text(); topic != "" && e.Get("Type").Text() == "Notification" {
		return topic, notificationMembers(&e)
	}
	return "", detailOf(&e)
}

// notificationMembers returns the members of an SNS message that may have a span context: its attributes, or the detail
// of an EventBridge event in its text.
func notificationMembers(notification *event.Object) event.Value {
	if attributes := notification.Get("MessageAttributes"); !attributes.Empty() {
		return attributes
	}
	message := notification.Get("Message")
	if !message.Mentions("detail-type") {
		return event.Value{}
	}
	e := message.Embedded().Select(envelopeMembers...)
	return detailOf(&e)
}

// detailOf returns the detail of an EventBridge event; absent for any other object.
func detailOf(e *event.Object) event.Value {
	detail := e.Get("detail")
	if !e.Get("detail-type").Present() || !e.Get("source").Present() || !detail.IsObject() {
		return event.Value{}
	}
	return detail
}
