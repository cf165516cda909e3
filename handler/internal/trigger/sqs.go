package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// sqs is a queue (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
var sqs = source{
	name:   "SQS",
	types:  []string{"SQSEvent", "SQSMessage"},
	is:     func(d *document) bool { return d.recordSource == "aws:sqs" },
	read:   readSQS,
	record: sqsRecord,
}

var sqsRecord = []string{"messageId", "eventSourceARN", "attributes", "messageAttributes", "body"}

func readSQS(d *document, _ *Settings) Cause {
	var b batch
	var topic common
	b.addList(d.records, func(r *event.Object) message {
		from, inner := openEnvelope(r.Get("body"))
		topic.add(from)
		return message{
			destination: r.Get("eventSourceARN").Text(), id: r.Get("messageId").Text(),
			carrier:     carrierOf(attributeText, r.Get("messageAttributes"), inner),
			traceHeader: r.Get("attributes").Get("AWSTraceHeader").Text(),
		}
	}, sqsRecord...)
	queue := parseARN(b.destination.get())
	c := b.cause(semconv.MessagingSystemAWSSQS, queue.resource)
	if b.destination.differ {
		c.Name = "multiple_sources process" // OpenTelemetry AWS Lambda conventions, "SQS Event"
	}
	c.addText(semconv.AWSSQSQueueURLKey, queueURL(queue))
	c.addText(semconv.AWSSNSTopicARNKey, topic.get())
	return c
}

// queueURL returns the URL of a queue (Amazon SQS Developer Guide, "Queue and message identifiers"); empty in
// partitions whose domain is not known.
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
