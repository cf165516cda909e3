package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// sns is a topic, whose events have one message each (AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS
// notifications").
var sns = source{
	name:      "SNS",
	types:     []string{"SNSEvent"},
	signature: []string{"Records"},
	is:        func(d *document) bool { return d.recordSource == "aws:sns" },
	read:      readSNS,
}

// notificationMembers are the members of a message that are read.
var notificationMembers = []string{"MessageId", "TopicArn", "MessageAttributes", "Message"}

func readSNS(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemAWSSNS}
	b.count = d.records.EachObject(maxMessages, []string{"Sns"}, func(r *event.Object) {
		m := r.Get("Sns").Select(notificationMembers...)
		attributes := m.Get("MessageAttributes")
		if attributes.Empty() {
			attributes = eventDetail(m.Get("Message"))
		}
		b.add(m.Get("TopicArn"), m.Get("MessageId"), attributesOf(attributes, event.Value{}), "")
	})
	topic := b.destination.get()
	c := b.cause(parseARN(topic).resource)
	c.addText(semconv.AWSSNSTopicARNKey, topic)
	return c
}
