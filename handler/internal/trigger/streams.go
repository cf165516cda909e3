package trigger

import (
	"encoding/base64"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// maxData bounds the records of a Kinesis stream that are looked into, in bytes of their data.
const maxData = 64 << 10

// kinesisSystem is a value of ours: the conventions have none for Kinesis, and allow that.
const kinesisSystem = "aws.kinesis"

// readKinesis reads the records of a stream, which are of one shard (AWS Lambda Developer Guide, "Using Lambda to process
// records from Amazon Kinesis Data Streams").
func (c *Cause) readKinesis(records value) {
	var id, arn, data value
	b := batch{system: semconv.MessagingSystemKey.String(kinesisSystem), hint: records.sizeHint(maxMessages)}
	b.count = records.records(maxMessages, func() {
		b.destination.addValue(b.seen, &arn)
		if b.seen == 0 {
			b.id = id.text()
			b.detail.value, _, _ = strings.Cut(b.id, ":")
		}
		b.origin(carrier{objects: [2]value{records.in.object(data.data())}, data: true}, "")
		b.seen++
	},
		field{name: "eventID", into: &id}, field{name: "eventSourceARN", into: &arn},
		field{name: "kinesis", fields: []field{{name: "data", into: &data}}})
	// STREAM, or STREAM/consumer/NAME:TIME where the consumer has a throughput of its own.
	stream, _, _ := strings.Cut(strings.TrimPrefix(arnResource(b.destination.get()), "stream/"), "/")
	b.cause(c, stream)
	c.add(semconv.MessagingBatchMessageCount(b.count))
	if stream != "" {
		c.add(semconv.AWSKinesisStreamName(stream))
	}
	if shard := b.detail.get(); shard != b.id {
		c.add(semconv.MessagingDestinationPartitionID(shard))
	}
}

// data returns bytes that JSON has in base64, where they may be an object and are not too many.
func (v *value) data() []byte {
	if v.isBytes() {
		if data := v.decoded.Bytes(); len(data) <= maxData {
			return data
		}
		return nil
	}
	text := v.bytes()
	if len(text) == 0 || text[0] != 'e' || len(text) > base64.StdEncoding.EncodedLen(maxData) { // { is e, and a bit
		return nil
	}
	n, err := base64.StdEncoding.Decode(v.in.room(base64.StdEncoding.DecodedLen(len(text))), text)
	if err != nil || n > maxData {
		return nil
	}
	return v.in.take(n)
}

// object returns the object that data is, or nothing.
func (r *reading) object(data []byte) value {
	if len(data) == 0 || data[0] != '{' {
		return value{}
	}
	return r.raw(data)
}

// readKafka reads the records of MSK or of another Kafka, which come in lists by topic and partition (AWS Lambda
// Developer Guide, "Using Lambda with Amazon MSK").
func (c *Cause) readKafka(lists value) {
	b := batch{system: semconv.MessagingSystemKafka}
	var topic, number, at, headers value
	var carriers []recordCarrier
	for _, partition := range lists.sortedMembers(maxKeys) {
		b.count += partition.member.records(maxMessages-b.seen, func() {
			b.destination.addValue(b.seen, &topic)
			n, _ := number.integer()
			b.detail.add(b.seen, strconv.FormatInt(n, 10))
			if headers.present() && !headers.empty() {
				carriers = append(carriers, recordCarrier{headers}) // as those of a batch
				b.keep(Origin{Carrier: &carriers[len(carriers)-1]})
			}
			b.seen++
		},
			field{name: "topic", into: &topic}, field{name: "partition", into: &number}, field{name: "offset", into: &at},
			field{name: "headers", into: &headers})
	}
	name := b.destination.get()
	b.cause(c, name)
	c.add(semconv.MessagingBatchMessageCount(b.count))
	if partition := b.detail.get(); partition != "" && name != "" {
		c.add(semconv.MessagingDestinationPartitionID(partition))
	}
	if b.count == 1 {
		offset, _ := at.integer()
		c.add(semconv.MessagingKafkaOffset(int(offset)))
	}
}
