package trigger

import (
	"bytes"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// readSQS reads the messages of a queue (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
func (c *Cause) readSQS(records value) {
	var id, arn, header, own, body value
	b := batch{system: semconv.MessagingSystemAWSSQS, hint: records.sizeHint(maxMessages)}
	var known order
	b.count = records.records(maxMessages, func() {
		topic, envelope := notification(&body, &known)
		b.destination.addValue(b.seen, &arn)
		b.detail.addValue(b.seen, &topic)
		if b.seen == 0 {
			b.id = id.text()
		}
		b.origin(carrier{objects: [2]value{own, envelope}, inner: [2]string{"stringValue", "Value"}}, header.text())
		b.seen++
	},
		field{name: "messageId", into: &id}, field{name: "eventSourceARN", into: &arn},
		field{name: "attributes", fields: []field{{name: "AWSTraceHeader", into: &header}}},
		field{name: "messageAttributes", into: &own}, field{name: "body", into: &body})
	b.cause(c, arnResource(b.destination.get()))
	c.add(semconv.MessagingBatchMessageCount(b.count))
	if topic := b.detail.get(); topic != "" {
		c.add(semconv.AWSSNSTopicARN(topic))
	}
}

// notification returns the topic and the message attributes of a body that SNS has put its message into; nothing of any
// other (Amazon SNS Developer Guide, "Raw message delivery": that body is the message itself).
func notification(body *value, known *order) (topic, attributes value) {
	if !body.mentions("TopicArn") {
		return value{}, value{}
	}
	envelope := body.in.raw(body.scratch())
	var kind value
	envelope.pickUntil(nil, known, []field{
		{name: "Type", into: &kind}, {name: "TopicArn", into: &topic}, {name: "MessageAttributes", into: &attributes},
	})
	if !kind.is("Notification") {
		return value{}, value{}
	}
	return topic.kept(), attributes.kept()
}

// mentions reports whether word, which JSON text need not escape, is in a string.
func (v *value) mentions(word string) bool {
	if v.raw != nil {
		return bytes.Contains(v.raw, []byte(word))
	}
	return strings.Contains(v.text(), word)
}

// readSNS reads a notification (AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications"),
// which is one message.
func (c *Cause) readSNS(records value) {
	var id, arn, attributes value
	b := batch{system: semconv.MessagingSystemAWSSNS, hint: records.sizeHint(maxMessages)}
	b.count = records.records(maxMessages, func() {
		b.destination.addValue(b.seen, &arn)
		if b.seen == 0 {
			b.id = id.text()
		}
		b.origin(carrier{objects: [2]value{attributes}, inner: [2]string{"Value"}}, "")
		b.seen++
	}, field{name: "Sns", fields: []field{
		{name: "MessageId", into: &id}, {name: "TopicArn", into: &arn}, {name: "MessageAttributes", into: &attributes},
	}})
	topic := b.destination.get()
	b.cause(c, arnResource(topic))
	if topic != "" {
		c.add(semconv.AWSSNSTopicARN(topic))
	}
}
