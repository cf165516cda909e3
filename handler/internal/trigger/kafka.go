package trigger

import (
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// kafka is MSK or another Kafka cluster. Its records come in a list for each topic and partition (AWS Lambda Developer Guide,
// "Using Lambda with Amazon MSK"), from EventBridge Pipes in one list.
var kafka = source{
	name:      "Kafka",
	types:     []string{"KafkaEvent"},
	signature: []string{"eventSource"},
	members:   []string{"records"},
	is: func(d *document) bool {
		return d.Get("records").IsObject() && isKafka(d.Get("eventSource").Text()) || isKafka(d.recordSource)
	},
	read: readKafka,
}

func isKafka(eventSource string) bool {
	return eventSource == "aws:kafka" || eventSource == "SelfManagedKafka"
}

// kafkaBatch gathers what the records tell.
type kafkaBatch struct {
	batch
	partition, offset int64 // of the last record
	partitions        bool  // the records are of several partitions
}

func readKafka(d *document, _ *Settings) Cause {
	b := kafkaBatch{batch: batch{system: semconv.MessagingSystemKafka}}
	b.count = d.records.EachObject(maxMessages, kafkaMembers, b.record)
	for _, list := range d.Get("records").Members(maxMembers) {
		b.count += list.Value.EachObject(maxMessages-b.seen, kafkaMembers, b.record)
	}
	topic := b.destination.get()
	c := b.cause(topic)
	b.addCount(&c, d.records, d.Get("records"))
	if topic != "" && !b.partitions {
		c.add(semconv.MessagingDestinationPartitionID(strconv.FormatInt(b.partition, 10)))
	}
	if b.count == 1 {
		c.add(semconv.MessagingKafkaOffset(int(b.offset)))
	}
	return c
}

// kafkaMembers are the members of a record that are read.
var kafkaMembers = []string{"topic", "partition", "offset", "headers"}

func (b *kafkaBatch) record(r *event.Object) {
	partition, _ := r.Get("partition").Integer()
	b.partitions = b.partitions || b.seen > 0 && partition != b.partition
	b.partition = partition
	b.offset, _ = r.Get("offset").Integer()
	if headers := r.Get("headers"); !headers.Empty() {
		b.add(r.Get("topic"), event.Value{}, &recordHeaders{list: headers}, "")
	} else {
		b.add(r.Get("topic"), event.Value{}, nil, "")
	}
}

// recordHeaders is the carrier of a record's headers: a list of objects with one member each, whose value is a list of signed
// bytes. Of several headers with one name the last counts.
type recordHeaders struct {
	list    event.Value
	headers []event.Member
}

// index finds the headers at the first use.
func (h *recordHeaders) index() {
	if h.headers != nil {
		return
	}
	h.headers = make([]event.Member, 0, 4)
	h.list.Each(maxMembers, func(header event.Value) { h.headers = append(h.headers, header.Members(1)...) })
}

// Get returns the value of a header, by its name in this case.
func (h *recordHeaders) Get(key string) (s string) {
	h.index()
	for _, header := range h.headers {
		if header.Name == key {
			s = byteText(header.Value)
		}
	}
	return s
}

// Set does nothing: an event is not written to.
func (*recordHeaders) Set(string, string) {}

// Keys returns the names of the headers.
func (h *recordHeaders) Keys() []string {
	h.index()
	keys := make([]string, 0, len(h.headers))
	for _, header := range h.headers {
		keys = append(keys, header.Name)
	}
	return keys
}

// maxHeader bounds the bytes of a header that are read.
const maxHeader = 8 << 10

// byteText returns a list of numbers from -128 to 255 as the bytes that they stand for.
func byteText(v event.Value) string {
	if bytes, ok := v.ByteSlice(); ok {
		return string(bytes)
	}
	var out []byte
	v.Each(maxHeader, func(element event.Value) {
		n, _ := element.Integer()
		out = append(out, byte(n))
	})
	return string(out)
}
