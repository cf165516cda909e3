package trigger_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// decoded returns an event of the corpus.
func decoded[T any](t *testing.T, name string) (event T) {
	t.Helper()
	if err := json.Unmarshal(document(t, name), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// TestMessageIsABatchOfOne asserts that a record alone tells the source, the name, the origin and its own attributes, in every
// form, and that neither a trigger nor a count is among them.
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
		if typed.Source != tt.source || typed.Name != tt.name || len(typed.Messages) != 1 || counted || attributes["faas.trigger"] != "" ||
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

// TestMessageThatIsNone asserts that a value that is no record of a batch has no origin and is in no batch.
func TestMessageThatIsNone(t *testing.T) {
	for _, record := range []any{nil, 17, "text", (*events.SQSMessage)(nil), []byte("{"), map[string]any{}, events.S3EventRecord{}} {
		if c := trigger.Message(record, trigger.Unknown); len(c.Messages) != 0 || c.Name == "process orders" {
			t.Errorf("%T: %s", record, dump(c))
		}
	}
}
