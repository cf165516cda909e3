package trigger

import (
	"strings"

	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// kinesis is a data stream. The records of an event are from one shard (AWS Lambda Developer Guide, "Using Lambda to process
// records from Amazon Kinesis Data Streams").
var kinesis = source{
	name:      "Kinesis",
	types:     []string{"KinesisEvent"},
	signature: []string{"Records"},
	is:        func(d *document) bool { return d.recordSource == "aws:kinesis" },
	read:      readKinesis,
}

// kinesisSystem is a value of ours: the conventions have none for Kinesis, and allow that.
const kinesisSystem = "aws.kinesis"

// maxData bounds the records that may have a span context, in bytes of their data.
const maxData = 64 << 10

func readKinesis(d *document, _ *Settings) Cause {
	b := batch{system: semconv.MessagingSystemKey.String(kinesisSystem)}
	b.count = d.records.EachObject(maxMessages, []string{"eventID", "eventSourceARN", "kinesis", "data"}, func(r *event.Object) {
		data := r.Get("data") // of EventBridge Pipes
		if inner := r.Get("kinesis"); inner.Present() {
			data = inner.Get("data")
		}
		b.add(r.Get("eventSourceARN"), r.Get("eventID"), dataOf(data), "")
	})
	// STREAM, or STREAM/consumer/NAME:TIME for a consumer with a throughput of its own.
	stream, _, _ := strings.Cut(strings.TrimPrefix(parseARN(b.destination.get()).resource, "stream/"), "/")
	c := b.cause(stream)
	b.addCount(&c, d.records)
	c.addText(semconv.AWSKinesisStreamNameKey, stream)
	if shard, _, ok := strings.Cut(b.id, ":"); ok {
		c.add(semconv.MessagingDestinationPartitionID(shard))
	}
	return c
}

// dataOf returns the carrier of a record whose data is the JSON text of an object, nil for any other record.
func dataOf(data event.Value) propagation.TextMapCarrier {
	object := event.JSON(data.Bytes(maxData))
	if !object.IsObject() {
		return nil
	}
	return attributesOf(object, event.Value{})
}
