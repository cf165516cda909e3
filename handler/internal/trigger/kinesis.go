package trigger

import (
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// kinesis is a data stream. The records of an event are from one shard (AWS Lambda Developer Guide, "Using Lambda to process
// records from Amazon Kinesis Data Streams").
var kinesis = source{
	name:   "Kinesis",
	types:  []string{"KinesisEvent", "KinesisEventRecord"},
	is:     func(d *document) bool { return d.recordSource == "aws:kinesis" },
	read:   readKinesis,
	record: kinesisRecord,
}

var kinesisRecord = []string{"eventID", "eventSourceARN", "kinesis", "data"}

// kinesisSystem is a value of ours: the conventions have none for Kinesis, and allow that.
var kinesisSystem = semconv.MessagingSystemKey.String("aws.kinesis")

// maxData bounds the records that may have a span context, in bytes of their data.
const maxData = 64 << 10

func readKinesis(d *document, _ *Settings) Cause {
	var b batch
	b.addList(d.records, func(r *event.Object) message {
		data := r.Get("kinesis").Get("data").Or(r.Get("data")) // EventBridge Pipes have no object around it
		m := message{destination: r.Get("eventSourceARN").Text(), id: r.Get("eventID").Text()}
		if object := event.JSON(data.Bytes(maxData)).Select(envelopeMembers...); object.IsObject() {
			m.carrier = carrierOf(attributeText, detailOf(&object), object.Value) // EventBridge may have sent it
		}
		return m
	}, kinesisRecord...)
	// STREAM, or STREAM/consumer/NAME:TIME for a consumer with a throughput of its own.
	stream, _, _ := strings.Cut(strings.TrimPrefix(parseARN(b.destination.get()).resource, "stream/"), "/")
	c := b.cause(kinesisSystem, stream)
	c.addText(semconv.AWSKinesisStreamNameKey, stream)
	if shard, _, ok := strings.Cut(b.id, ":"); ok {
		c.add(semconv.MessagingDestinationPartitionID(shard))
	}
	return c
}
