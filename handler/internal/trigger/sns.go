package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// sns is a topic, whose events have one message each (AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS
// notifications").
var sns = source{
	name:   "SNS",
	types:  []string{"SNSEvent", "SNSEventRecord"},
	is:     func(d *document) bool { return d.recordSource == "aws:sns" },
	read:   readSNS,
	record: snsRecord,
}

var snsRecord = []string{"Sns"}

func readSNS(d *document, _ *Settings) Cause {
	var b batch
	b.addList(d.records, func(r *event.Object) message {
		m := r.Get("Sns").Select("MessageId", "TopicArn", "MessageAttributes", "Message")
		return message{
			destination: m.Get("TopicArn").Text(), id: m.Get("MessageId").Text(),
			carrier: carrierOf(attributeText, notificationMembers(&m), event.Value{}),
		}
	}, snsRecord...)
	b.counted = false // the conventions want a count of batches only
	topic := b.destination.get()
	c := b.cause(semconv.MessagingSystemAWSSNS, parseARN(topic).resource)
	c.addText(semconv.AWSSNSTopicARNKey, topic)
	return c
}
