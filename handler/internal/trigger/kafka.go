package trigger

import (
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// kafka is MSK or another Kafka cluster. Its records come in a list for each topic and partition (AWS Lambda Developer
// Guide, "Using Lambda with Amazon MSK"), from EventBridge Pipes in one list.
var kafka = source{
	name:  "Kafka",
	types: []string{"KafkaEvent", "KafkaRecord"},
	is: func(d *document) bool {
		return d.Get("records").IsObject() && isKafka(d.Get("eventSource").Text()) || isKafka(d.recordSource)
	},
	read:   readKafka,
	record: kafkaRecord,
}

var kafkaRecord = []string{"topic", "partition", "offset", "headers"}

func isKafka(eventSource string) bool {
	return eventSource == "aws:kafka" || eventSource == "SelfManagedKafka"
}

func readKafka(d *document, _ *Settings) Cause {
	var b batch
	var partition common
	var offset int64
	add := func(list event.Value) {
		b.addList(list, func(r *event.Object) message {
			n, _ := r.Get("partition").Integer()
			partition.add(strconv.FormatInt(n, 10))
			offset, _ = r.Get("offset").Integer()
			return message{destination: r.Get("topic").Text(), carrier: carrierOf(byteText, r.Get("headers"), event.Value{})}
		}, kafkaRecord...)
	}
	add(d.records)
	for _, list := range d.Get("records").Members(maxMembers) {
		add(list.Value)
	}
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

// maxHeader bounds the bytes of a header that are read.
const maxHeader = 8 << 10

// byteText returns bytes as text.
func byteText(v event.Value) string { return string(v.Bytes(maxHeader)) }
