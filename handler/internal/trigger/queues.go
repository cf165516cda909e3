package trigger

import (
	"bytes"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// readSQS reads the messages of a queue (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"), whose bodies are SNS's
// message, or have that in them (Amazon SNS Developer Guide, "Raw message delivery").
func (c *Cause) readSQS(records value) {
	var id, arn, header, own, kind, topic, inner value
	b := batch{system: semconv.MessagingSystemAWSSQS, hint: records.sizeHint(512)}
	b.count = records.records(maxMessages, func() {
		if !kind.is("Notification") {
			topic, inner = value{}, value{}
		}
		b.destination.addValue(b.seen, &arn)
		b.detail.addValue(b.seen, &topic)
		if b.seen == 0 {
			b.id = id.text()
		}
		b.origin(&carrier{objects: [2]value{own, inner}, inner: [2]string{"stringValue", "Value"}}, header.text())
		b.seen++
	},
		field{name: "messageId", into: &id}, field{name: "eventSourceARN", into: &arn},
		field{name: "attributes", fields: []field{{name: "AWSTraceHeader", into: &header}}},
		field{name: "messageAttributes", into: &own},
		field{name: "body", mention: "TopicArn", fields: []field{
			{name: "Type", into: &kind}, {name: "TopicArn", into: &topic}, {name: "MessageAttributes", into: &inner},
		}})
	b.cause(c, arnResource(b.destination.get()))
	c.add(semconv.MessagingBatchMessageCount(b.count))
	if topic := b.detail.get(); topic != "" {
		c.add(semconv.AWSSNSTopicARN(topic))
	}
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
	b := batch{system: semconv.MessagingSystemAWSSNS, hint: records.sizeHint(800)}
	b.count = records.records(maxMessages, func() {
		b.destination.addValue(b.seen, &arn)
		if b.seen == 0 {
			b.id = id.text()
		}
		b.origin(&carrier{objects: [2]value{attributes}, inner: [2]string{"Value"}}, "")
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
