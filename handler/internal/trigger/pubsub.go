package trigger

import (
	"cmp"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// Values of ours: the conventions have no systems for these services, and allow that.
var (
	eventBridgeSystem = semconv.MessagingSystemKey.String("aws.eventbridge")
	kinesisSystem     = semconv.MessagingSystemKey.String("aws.kinesis")
)

// The most bytes that are read of a Kafka header and of a Kinesis record.
const (
	maxHeader = 8 << 10
	maxData   = 64 << 10
)

// readSQS reads messages of queues (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
func readSQS(d *document, _ *Settings) Cause {
	var topic common
	b := batchOf(d, func(_ string, r *event.Object) message {
		from, inner := openEnvelope(r.Get("body"))
		topic.add(from)
		return message{r.Get("eventSourceARN").Text(), r.Get("messageId").Text(), Origin{
			Carrier:     carrierOf(attributeText, r.Get("messageAttributes"), inner),
			TraceHeader: r.Get("attributes").Get("AWSTraceHeader").Text(),
		}}
	})
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

// readSNS reads an event of a topic, which has one message (AWS Lambda Developer Guide, "Invoking Lambda functions with
// Amazon SNS notifications").
func readSNS(d *document, _ *Settings) Cause {
	b := batchOf(d, func(_ string, r *event.Object) message {
		m := r.Get("Sns").Select("MessageId", "TopicArn", "MessageAttributes", "Message")
		return message{m.Get("TopicArn").Text(), m.Get("MessageId").Text(), Origin{
			Carrier: carrierOf(attributeText, notificationMembers(&m), event.Value{}),
		}}
	})
	b.counted = false // the conventions want a count of batches only
	topic := b.destination.get()
	c := b.cause(semconv.MessagingSystemAWSSNS, parseARN(topic).resource)
	c.addText(semconv.AWSSNSTopicARNKey, topic)
	return c
}

// readEventBridge reads an event of a bus (EventBridge User Guide, "Events"). An event does not name its bus: in the
// span's name the event's type stands for it.
func readEventBridge(d *document, _ *Settings) Cause {
	b := batch{count: 1}
	b.add(message{id: d.Get("id").Text(), origin: Origin{
		Carrier: carrierOf(attributeText, detailOf(&d.Object), event.Value{}),
	}})
	c := b.cause(eventBridgeSystem, "")
	if kind := d.Get("detail-type").Text(); kind != "" {
		c.Name += " " + kind
		c.add(semconv.CloudEventsEventType(kind))
	}
	c.addText(semconv.CloudEventsEventSourceKey, d.Get("source").Text())
	return c
}

func (d *document) isBusEvent() bool {
	return d.Get("detail-type").Present() && d.Get("source").Present()
}

// readKinesis reads records of a data stream, which are from one shard (AWS Lambda Developer Guide, "Using Lambda to
// process records from Amazon Kinesis Data Streams").
func readKinesis(d *document, _ *Settings) Cause {
	b := batchOf(d, func(_ string, r *event.Object) message {
		data := r.Get("kinesis").Get("data").Or(r.Get("data")) // EventBridge Pipes have no object around it
		m := message{destination: r.Get("eventSourceARN").Text(), id: r.Get("eventID").Text()}
		if object := event.JSON(data.Bytes(maxData)).Select(envelopeMembers...); object.IsObject() {
			m.origin.Carrier = carrierOf(attributeText, detailOf(&object), object.Value) // EventBridge may have sent it
		}
		return m
	})
	// STREAM, or STREAM/consumer/NAME:TIME for a consumer with a throughput of its own.
	stream, _, _ := strings.Cut(strings.TrimPrefix(parseARN(b.destination.get()).resource, "stream/"), "/")
	c := b.cause(kinesisSystem, stream)
	c.addText(semconv.AWSKinesisStreamNameKey, stream)
	if shard, _, ok := strings.Cut(b.id, ":"); ok {
		c.add(semconv.MessagingDestinationPartitionID(shard))
	}
	return c
}

// readKafka reads records of MSK or another cluster, which come in a list for each topic and partition (AWS Lambda
// Developer Guide, "Using Lambda with Amazon MSK").
func readKafka(d *document, _ *Settings) Cause {
	var partition common
	var offset int64
	b := batchOf(d, func(_ string, r *event.Object) message {
		n, _ := r.Get("partition").Integer()
		partition.add(strconv.FormatInt(n, 10))
		offset, _ = r.Get("offset").Integer()
		return message{destination: r.Get("topic").Text(), origin: Origin{
			Carrier: carrierOf(byteText, r.Get("headers"), event.Value{}),
		}}
	})
	topic := b.destination.get()
	c := b.cause(semconv.MessagingSystemKafka, topic)
	if topic != "" {
		c.addText(semconv.MessagingDestinationPartitionIDKey, partition.get())
	}
	if b.count == 1 {
		c.add(semconv.MessagingKafkaOffset(int(offset)))
	}
	return c
}

// byteText returns bytes as text.
func byteText(v event.Value) string { return string(v.Bytes(maxHeader)) }

// readActiveMQ reads messages of an Amazon MQ broker (AWS Lambda Developer Guide, "Using Lambda with Amazon MQ").
func readActiveMQ(d *document, _ *Settings) Cause {
	b := batchOf(d, func(_ string, r *event.Object) message {
		return message{r.Get("destination").Get("physicalName").Text(), r.Get("messageID").Text(), Origin{
			Carrier: carrierOf(event.Value.Text, r.Get("properties"), event.Value{}),
		}}
	})
	return b.cause(semconv.MessagingSystemActiveMQ, b.destination.get())
}

// readRabbitMQ reads messages of an Amazon MQ broker. They come in a list for each queue, "QUEUE::VIRTUALHOST".
// EventBridge Pipes send one list, and the queue with each message.
func readRabbitMQ(d *document, _ *Settings) Cause {
	b := batchOf(d, func(queue string, r *event.Object) message {
		properties := r.Get("basicProperties").Select("messageId", "headers")
		return message{cmp.Or(queue, r.Get("eventSourceKey").Text()), properties.Get("messageId").Text(), Origin{
			Carrier: carrierOf(rabbitText, properties.Get("headers"), event.Value{}),
		}}
	})
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

// arn has parts of an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE (AWS General Reference, "Amazon Resource
// Names").
type arn struct{ partition, region, account, resource string }

// parseARN returns the parts of an ARN, empty ones for any other text.
func parseARN(text string) arn {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 {
		return arn{}
	}
	return arn{partition: parts[1], region: parts[3], account: parts[4], resource: parts[5]}
}
