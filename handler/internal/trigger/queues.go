package trigger

import (
	"bytes"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// readSQS reads the messages of a queue (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
func (c *Cause) readSQS(records value) {
	b := batch{system: semconv.MessagingSystemAWSSQS, hint: records.sizeHint(maxMessages)}
	b.count = records.each(maxMessages, func(message *value) {
		var id, arn, system, own, body value
		message.pick(field{"messageId", &id}, field{"eventSourceARN", &arn}, field{"attributes", &system},
			field{"messageAttributes", &own}, field{"body", &body})
		topic, envelope := notification(&body)
		b.destination.addValue(b.seen, &arn)
		b.detail.add(b.seen, topic)
		if b.seen == 0 {
			b.id = id.text()
		}
		header := system.get("AWSTraceHeader")
		b.origin(carrier{objects: [2]value{own, envelope}, inner: [2]string{"stringValue", "Value"}}, header.text())
		b.seen++
	})
	b.cause(c, arnResource(b.destination.get()))
	c.add(semconv.MessagingBatchMessageCount(b.count))
	if topic := b.detail.get(); topic != "" {
		c.add(semconv.AWSSNSTopicARN(topic))
	}
}

// notification returns the topic and the message attributes of a body that SNS has put its message into; nothing of any
// other (Amazon SNS Developer Guide, "Raw message delivery": that body is the message itself).
func notification(body *value) (topic string, attributes value) {
	if !body.mentions("TopicArn") {
		return "", value{}
	}
	envelope := body.shapes.rawValue(body.bytes())
	var kind, arn value
	envelope.pick(field{"Type", &kind}, field{"TopicArn", &arn}, field{"MessageAttributes", &attributes})
	if !kind.is("Notification") {
		return "", value{}
	}
	return arn.text(), attributes
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
	b := batch{system: semconv.MessagingSystemAWSSNS, hint: records.sizeHint(maxMessages)}
	b.count = records.each(maxMessages, func(record *value) {
		var id, arn, attributes value
		message := record.get("Sns")
		message.pick(field{"MessageId", &id}, field{"TopicArn", &arn}, field{"MessageAttributes", &attributes})
		b.destination.addValue(b.seen, &arn)
		if b.seen == 0 {
			b.id = id.text()
		}
		b.origin(carrier{objects: [2]value{attributes}, inner: [2]string{"Value"}}, "")
		b.seen++
	})
	topic := b.destination.get()
	b.cause(c, arnResource(topic))
	if topic != "" {
		c.add(semconv.AWSSNSTopicARN(topic))
	}
}
