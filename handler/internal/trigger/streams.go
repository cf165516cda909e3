package trigger

import (
	"cmp"
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
	b := batch{system: semconv.MessagingSystemKey.String(kinesisSystem), hint: records.sizeHint(400)}
	b.count = records.records(maxMessages, func() {
		b.destination.addValue(b.seen, &arn)
		if b.seen == 0 {
			b.id = id.text()
			b.detail.value, _, _ = strings.Cut(b.id, ":")
		}
		b.origin(&carrier{objects: [2]value{records.in.object(data.data())}, data: true}, "")
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
	if !v.present() {
		return nil
	}
	text := v.scratch()
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
	k := kafka{batch: batch{hint: lists.sizeHint(400)}}
	if !k.readText(lists) {
		k = kafka{}
		lists.sortedMembers(maxKeys, func(list value) { k.read(&list, nil) })
	}
	k.system = semconv.MessagingSystemKafka
	topic := k.destination.get()
	k.cause(c, topic)
	c.add(semconv.MessagingBatchMessageCount(k.count))
	if partition := k.detail.get(); partition != "" && topic != "" {
		c.add(semconv.MessagingDestinationPartitionID(partition))
	}
	if k.count == 1 {
		c.add(semconv.MessagingKafkaOffset(int(k.offset)))
	}
}

// kafka gathers what the records of a Kafka say.
type kafka struct {
	batch
	carriers []recordCarrier
	offset   int64 // of the last
}

// readText reads lists in JSON text with one walk. It reports whether they stand in the order of their names, in which they
// are read.
func (k *kafka) readText(lists value) bool {
	last, n := "", 0
	c := within(lists.raw, '{')
	for key, ok := c.key(); ok && n < maxKeys; key, ok = c.key() {
		name := lists.in.text(lists.in.unquote(key))
		if n > 0 && name <= last {
			return false
		}
		last, n = name, n+1
		k.read(&lists, &c)
	}
	return lists.raw != nil
}

// read reads a list, which is where a cursor is in JSON text.
func (k *kafka) read(list *value, at *cursor) {
	var topic, partition, offset, headers value
	each := func() {
		k.destination.addValue(k.seen, &topic)
		n, _ := partition.integer()
		k.detail.add(k.seen, strconv.FormatInt(n, 10))
		k.offset, _ = offset.integer()
		if headers.present() && !headers.empty() {
			if k.carriers == nil {
				k.carriers = make([]recordCarrier, 0, cmp.Or(k.hint, 8))
			}
			k.carriers = append(k.carriers, recordCarrier{headers}) // as those of a batch
			k.keep(Origin{Carrier: &k.carriers[len(k.carriers)-1]})
		}
		k.seen++
	}
	fields := []field{
		{name: "topic", into: &topic}, {name: "partition", into: &partition}, {name: "offset", into: &offset}, {name: "headers", into: &headers},
	}
	if at != nil {
		k.count += list.recordsAt(at, maxMessages-k.seen, each, fields...)
	} else {
		k.count += list.records(maxMessages-k.seen, each, fields...)
	}
}
