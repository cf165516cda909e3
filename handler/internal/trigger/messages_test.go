package trigger_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// TestQueueURL asserts that the URL follows from the ARN in partitions whose domain is known.
func TestQueueURL(t *testing.T) {
	testAttribute(t, `{"Records":[{"eventSource":"aws:sqs","eventSourceARN":%q}]}`, "aws.sqs.queue.url", map[string]string{
		"arn:aws:sqs:eu-west-1:111122223333:orders":            "https://sqs.eu-west-1.amazonaws.com/111122223333/orders",
		"arn:aws-us-gov:sqs:us-gov-west-1:111122223333:a.fifo": "https://sqs.us-gov-west-1.amazonaws.com/111122223333/a.fifo",
		"arn:aws-cn:sqs:cn-north-1:111122223333:orders":        "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/orders",
		"arn:aws-iso:sqs:us-iso-east-1:111122223333:orders":    "", "orders": "", "": "",
	})
}

// TestQueueOfRabbitMQ asserts that the virtual host is no part of the queue's name.
func TestQueueOfRabbitMQ(t *testing.T) {
	testAttribute(t, `{"eventSource":"aws:rmq","rmqMessagesByQueue":{%q:[{}]}}`, "messaging.destination.name", map[string]string{
		"orders::/": "orders", "eu:orders::shop": "eu:orders", "orders": "orders",
	})
}

// TestSeveralQueues asserts that a batch of several queues names none, wherever the other queue stands.
func TestSeveralQueues(t *testing.T) {
	for queues, want := range map[string]string{
		"aaa": "process a", "aab": "multiple_sources process", "abb": "multiple_sources process", "aba": "multiple_sources process",
	} {
		var records []string
		for _, queue := range queues {
			records = append(records, fmt.Sprintf(`{"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:1:%c"}`, queue))
		}
		if c := read(`{"Records":[` + strings.Join(records, ",") + `]}`); c.Name != want || c.Batch != 3 {
			t.Errorf("%s: %s", queues, dump(c))
		}
	}
}

// TestLargeRecords asserts that records of Kinesis up to 64 KiB are searched for a span context.
func TestLargeRecords(t *testing.T) {
	for size, want := range map[int]int{64 << 10: 1, 64<<10 + 1: 0} {
		data := base64.StdEncoding.EncodeToString([]byte(`{"tenant":"north"` + strings.Repeat(" ", size-18) + `}`))
		testForms(t, `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"`+data+`"}}]}`, func(form reflect.Type, c trigger.Cause) {
			if len(c.Messages) != want {
				t.Errorf("%d bytes as %v: %d origins, want %d", size, form, len(c.Messages), want)
			}
		})
	}
}

// TestTimes asserts that a time is recorded in UTC to the millisecond, and that a text or number that is none is left out.
func TestTimes(t *testing.T) {
	const format = `{"Records":[{"eventSource":"aws:dynamodb","dynamodb":{"ApproximateCreationDateTime":%s}}]}`
	testAttribute(t, format, "faas.document.time", map[string]string{
		"1700000000": "2023-11-14T22:13:20Z", "1.7000000005e9": "2023-11-14T22:13:20.5Z", "253402300799": "9999-12-31T23:59:59Z",
		"253402300800": "", "0": "", "-1": "", "true": "", `"soon"`: "", `"2026-01-12T09:30:00.1234+01:00"`: "2026-01-12T08:30:00.123Z",
	})
}

// TestOperations asserts that the span names the change of an item, a document or an object in the conventions' words,
// and none for a change of a whole collection or for any other event.
func TestOperations(t *testing.T) {
	const key = "faas.document.operation"
	testAttribute(t, `{"eventSource":"aws:docdb","events":[{"event":{"operationType":%q}}]}`, key, map[string]string{
		"insert": "insert", "update": "edit", "replace": "edit", "delete": "delete", "drop": "", "invalidate": "", "": "",
	})
	testAttribute(t, `{"Records":[{"eventSource":"aws:dynamodb","eventName":%q}]}`, key, map[string]string{
		"INSERT": "insert", "MODIFY": "edit", "REMOVE": "delete", "": "",
	})
	testAttribute(t, `{"Records":[{"eventSource":"aws:s3","eventName":%q}]}`, key, map[string]string{
		"ObjectCreated:Put": "insert", "s3:ObjectRemoved:Delete": "delete", "LifecycleExpiration:Delete": "delete", "ObjectTagging:Put": "edit",
		"Replication:OperationMissedThreshold": "",
	})
}

// TestPipes asserts that a list of records is a batch. EventBridge Pipes send some with other members than the source
// itself.
func TestPipes(t *testing.T) {
	const parent = `"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`
	for source, record := range map[trigger.Source]string{
		trigger.Kinesis:  `"eventSource":"aws:kinesis","eventSourceARN":"arn:aws:kinesis:eu-west-1:1:stream/orders","data":"eyJ0cmFjZXBhcmVudCI6IjEifQ=="`,
		trigger.Kafka:    `"eventSource":"aws:kafka","eventSourceKey":"orders-0","topic":"orders","partition":0,"headers":[{"traceparent":[49]}]`,
		trigger.ActiveMQ: `"eventSource":"aws:amq","destination":{"physicalName":"orders"},"properties":{"traceparent":` + parent + `}`,
		trigger.RabbitMQ: `"eventSource":"aws:rmq","eventSourceKey":"orders::/","basicProperties":{"headers":{"traceparent":` + parent + `}}`,
	} {
		text := []byte(`[{` + record + `},{` + record + `}]`)
		for _, form := range []reflect.Type{reflect.TypeFor[json.RawMessage](), mapType(text), reflect.TypeFor[any]()} {
			c := typedCause(t, form, text)
			if c.Source != source || c.Name != "process orders" || c.Batch != 2 || len(c.Messages) != 2 || c.Messages[1].Carrier.Get("traceparent") == "" {
				t.Errorf("%v as %v: %s", source, form, dump(c))
			}
		}
	}
}

// TestEnvelopes asserts that a message gives the span context that its first sender wrote, through SNS, EventBridge or both.
func TestEnvelopes(t *testing.T) {
	const bus = `{"detail-type":"Order Placed","source":"shop","detail":{"tenant":"north"}}`
	notification := func(rest string) string { return `{"Type":"Notification","TopicArn":"t",` + rest + `}` }
	queue := func(body string) string {
		return `{"Records":[{"eventSource":"aws:sqs","body":` + strconv.Quote(body) + `}]}`
	}
	for name, text := range map[string]string{
		"EventBridge, SQS":      queue(bus),
		"SNS, SQS":              queue(notification(`"MessageAttributes":{"tenant":{"Type":"String","Value":"north"}}`)),
		"EventBridge, SNS, SQS": queue(notification(`"Message":` + strconv.Quote(bus))),
		"EventBridge, SNS":      `{"Records":[{"EventSource":"aws:sns","Sns":{"MessageAttributes":{},"Message":` + strconv.Quote(bus) + `}}]}`,
		"EventBridge, Kinesis":  `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"` + base64.StdEncoding.EncodeToString([]byte(bus)) + `"}}]}`,
		"SQS, Pipes":            `[{"eventSource":"aws:sqs","body":` + strconv.Quote(bus) + `}]`,
	} {
		testForms(t, text, func(form reflect.Type, c trigger.Cause) {
			if len(c.Messages) != 1 || c.Messages[0].Carrier.Get("tenant") != "north" {
				t.Errorf("%s as %v: %s", name, form, dump(c))
			}
		})
	}
	for _, body := range []string{
		bus[:40], `"` + bus, "detail-type", `{"detail-type":"t","detail":{"a":"b"}}`, `{"detail-type":"t","source":"s","detail":"d"}`,
		`{"Type":"SubscriptionConfirmation","TopicArn":"t","MessageAttributes":{"a":{"Value":"b"}}}`,
	} {
		if c := read(queue(body)); len(c.Messages) != 0 {
			t.Errorf("%s: %s", body, dump(c))
		}
	}
}

// TestPartitions asserts that the messages of Kafka come in the order of their partitions, in whatever order these stand.
func TestPartitions(t *testing.T) {
	list := func(name string, n int) string {
		return fmt.Sprintf(`%q:[{"topic":"t","partition":%d,"headers":[{"tenant":[%d]}]}]`, name, n, 'a'+n)
	}
	for _, lists := range []string{
		list("t-0", 0) + "," + list("t-1", 1) + "," + list("t-2", 2), list("t-2", 2) + "," + list("t-0", 0) + "," + list("t-1", 1),
		list("t-0", 3) + "," + list("t-1", 1) + "," + list("t-0", 0) + "," + list("t-2", 2),
	} {
		text := []byte(`{"eventSource":"aws:kafka","records":{` + lists + `}}`)
		for way, event := range map[string]reflect.Type{
			"typed": reflect.TypeFor[events.KafkaEvent](), "map": reflect.TypeFor[map[string]any](), "raw": reflect.TypeFor[json.RawMessage](),
		} {
			var got []string
			for _, o := range typedCause(t, event, text).Messages {
				got = append(got, o.Carrier.Get("tenant"))
			}
			if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", way, lists, diff)
			}
		}
	}
}

// decoded returns an event of the corpus.
func decoded[T any](t *testing.T, name string) (event T) {
	t.Helper()
	if err := json.Unmarshal(document(t, name), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// TestMessageIsABatchOfOne asserts that a record alone has the source, the name, the origin and its own attributes,
// in every form, and that a count is not among them.
func TestMessageIsABatchOfOne(t *testing.T) {
	tests := []struct {
		record any
		source trigger.Source
		name   string
		id     string
	}{
		{decoded[events.SQSEvent](t, "sqs").Records[0], trigger.SQS, "process orders", "0b1d2c3e-0000-4000-8000-000000000001"},
		{decoded[events.SQSEvent](t, "eventbridge-in-sqs").Records[0], trigger.SQS, "process orders", ""},
		{decoded[events.SNSEvent](t, "sns").Records[0], trigger.SNS, "process order-events", ""},
		{decoded[events.KinesisEvent](t, "kinesis").Records[0], trigger.Kinesis, "process clicks", ""},
		{decoded[events.KafkaEvent](t, "kafka-msk").Records["orders-0"][0], trigger.Kafka, "process orders", ""},
		{decoded[events.ActiveMQEvent](t, "activemq").Messages[0], trigger.ActiveMQ, "process orders", ""},
		{decoded[events.RabbitMQEvent](t, "rabbitmq").MessagesByQueue["orders::/"][0], trigger.RabbitMQ, "process", ""},
	}
	for _, tt := range tests {
		text, err := json.Marshal(tt.record)
		if err != nil {
			t.Fatal(err)
		}
		var asMap map[string]any
		if err := json.Unmarshal(text, &asMap); err != nil {
			t.Fatal(err)
		}
		typed := trigger.Message(tt.record, trigger.Unknown)
		attributes := attributesOf(typed)
		_, counted := attributes["messaging.batch.message_count"]
		if typed.Source != tt.source || typed.Name != tt.name || len(typed.Messages) != 1 || counted || attributes["faas.trigger"] != "pubsub" ||
			tt.id != "" && attributes["messaging.message.id"] != tt.id {
			t.Errorf("%T: %s", tt.record, dump(typed))
		}
		for _, form := range []any{asMap, text, json.RawMessage(text), &tt.record} {
			if diff := cmp.Diff(dump(typed), dump(trigger.Message(form, tt.source))); diff != "" {
				t.Errorf("%T as %T (-typed +got):\n%s", tt.record, form, diff)
			}
		}
	}
}

// TestUnknownRecordHasNothingOfTheInvocationsSource has records without a member of any source's.
func TestUnknownRecordHasNothingOfTheInvocationsSource(t *testing.T) {
	for source := trigger.RESTAPI; source < trigger.Other; source++ {
		for _, record := range []any{"text", struct{ A int }{1}, map[string]any{"a": 1}, []byte("[1]")} {
			if c := trigger.Message(record, source); c.Source != trigger.Other {
				t.Errorf("%T in an invocation by %v: %s", record, source, dump(c))
			}
		}
	}
}

// TestMessageOfEventBridgeIsItsEvent has an event, which is no record of a list, in every form.
func TestMessageOfEventBridgeIsItsEvent(t *testing.T) {
	text := document(t, "eventbridge")
	want := dump(trigger.NewReader(nil, trigger.Settings{}).Raw(text))
	for _, record := range []any{text, asMap(t, text), decoded[events.CloudWatchEvent](t, "eventbridge")} {
		for _, source := range []trigger.Source{trigger.Unknown, trigger.EventBridge} {
			if diff := cmp.Diff(want, dump(trigger.Message(record, source))); diff != "" {
				t.Errorf("%T (-want +got):\n%s", record, diff)
			}
		}
	}
}
