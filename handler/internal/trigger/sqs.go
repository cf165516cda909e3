package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// sqs is a queue (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
var sqs = source{
	name:      "SQS",
	types:     []string{"SQSEvent"},
	signature: []string{"Records"},
	is:        func(d *document) bool { return d.recordSource == "aws:sqs" },
	read:      readSQS,
}

func readSQS(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemAWSSQS}
	var topic common
	b.count = d.records.EachObject(maxMessages, []string{"messageId", "eventSourceARN", "attributes", "messageAttributes", "body"}, func(m *event.Object) {
		from, inner := openEnvelope(m.Get("body"))
		topic.add(from)
		header := m.Get("attributes").Get("AWSTraceHeader").Text()
		b.add(m.Get("eventSourceARN"), m.Get("messageId"), attributesOf(m.Get("messageAttributes"), inner), header)
	})
	queue := parseARN(b.destination.get())
	c := b.cause(queue.resource)
	if b.destination.differ {
		c.Name = "multiple_sources process" // OpenTelemetry AWS Lambda conventions, "SQS Event"
	}
	b.addCount(&c, d.records)
	c.addText(semconv.AWSSQSQueueURLKey, queueURL(queue))
	c.addText(semconv.AWSSNSTopicARNKey, topic.get())
	return c
}

// queueURL returns the URL of a queue (Amazon SQS Developer Guide, "Queue and message identifiers"); empty in partitions whose
// domain is not known.
func queueURL(queue arn) string {
	var domain string
	switch queue.partition {
	case "aws", "aws-us-gov":
		domain = ".amazonaws.com/"
	case "aws-cn":
		domain = ".amazonaws.com.cn/"
	default:
		return ""
	}
	return "https://sqs." + queue.region + domain + queue.account + "/" + queue.resource
}
