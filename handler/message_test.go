package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/otelerr"
)

// recordsOf decodes a document of the corpus.
func recordsOf[E any](t *testing.T, name string) (e E) {
	t.Helper()
	text, _ := document(t, name)
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// inInvocation calls f in an invocation without an event and returns the spans, the invocation's last.
func inInvocation(t *testing.T, f func(context.Context), opts ...handler.Option) []sdktrace.ReadOnlySpan {
	t.Helper()
	j := newRecorder()
	opts = append(append(j.options(true), w3cAndBaggage), opts...)
	_, _ = handler.Wrap(f, opts...).(readerFunc)(t.Context())
	return j.spans
}

// TestMessageIsAConsumerSpanWithALink starts a span for the first record of events of each kind.
func TestMessageIsAConsumerSpanWithALink(t *testing.T) {
	unknown := struct{ Order int }{17}
	sqs := recordsOf[events.SQSEvent](t, "sqs").Records[0]
	for name, tt := range map[string]struct {
		record any
		span   string
		links  int
		want   map[string]string // some attributes
	}{
		"SQS": {sqs, "process orders", 1, map[string]string{
			"messaging.system": "aws_sqs", "messaging.operation.type": "process", "faas.trigger": "pubsub",
			"messaging.message.id": sqs.MessageId, "messaging.batch.message_count": "",
		}},
		"a pointer": {&sqs, "process orders", 1, map[string]string{"messaging.message.id": sqs.MessageId}},
		"SNS":       {recordsOf[events.SNSEvent](t, "sns").Records[0], "process order-events", 1, nil},
		"Kinesis":   {recordsOf[events.KinesisEvent](t, "kinesis").Records[0], "process clicks", 1, nil},
		"Kafka":     {recordsOf[events.KafkaEvent](t, "kafka-msk").Records["orders-0"][0], "process orders", 1, nil},
		"DynamoDB": {
			recordsOf[events.DynamoDBEvent](t, "dynamodb").Records[0], "process", 0,
			map[string]string{"aws.dynamodb.table_names": `["orders"]`},
		},
		"JSON text": {json.RawMessage(sqsW3C(firstW3C, "")), "process orders", 1, nil},
		"unknown":   {unknown, "process", 0, map[string]string{"faas.trigger": ""}},
		"nil":       {nil, "process", 0, nil},
		"no message": {
			recordsOf[events.APIGatewayV2HTTPRequest](t, "http-api"), "process", 0, map[string]string{"url.path": ""},
		},
		"panics":       {panickingJSON{}, "process", 0, nil},
		"a nil record": {(*events.SQSMessage)(nil), "process", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			spans := inInvocation(t, func(ctx context.Context) {
				got, span := handler.Message(ctx, tt.record, trace.WithAttributes(attribute.String("order", "17")))
				if !trace.SpanContextFromContext(got).Equal(span.SpanContext()) {
					t.Error("the context has another span")
				}
				span.End()
			})
			if len(spans) != 2 {
				t.Fatalf("%d spans, want 2", len(spans))
			}
			s, a := spans[0], attributes(spans[0].Attributes())
			if s.Name() != tt.span || s.SpanKind() != trace.SpanKindConsumer || len(s.Links()) != tt.links ||
				s.Parent().SpanID() != spans[1].SpanContext().SpanID() || a["order"] != "17" {
				t.Errorf("span %q, %v, links %v, parent %v, attributes %v", s.Name(), s.SpanKind(), s.Links(), s.Parent(), a)
			}
			for key, want := range tt.want {
				if a[key] != want {
					t.Errorf("%s=%q, want %q", key, a[key], want)
				}
			}
		})
	}
}

// TestMessageContinuesTheSendersTrace has WithMessageParent and batches of two.
func TestMessageContinuesTheSendersTrace(t *testing.T) {
	for header, want := range map[string]string{
		sqsW3C(firstW3C, ""):              firstParent,
		sqsXRay(firstXRay + ";Sampled=1"): firstParent,
		sqsXRay(firstXRay + ";Sampled=0"): "the invocation",
		sqsMessage("", "", "order"):       "the invocation",
	} {
		spans := inInvocation(t, func(ctx context.Context) {
			_, span := handler.Message(ctx, json.RawMessage(header))
			span.End()
		}, handler.WithMessageParent())
		parent := spans[0].Parent().SpanID().String()
		if parent == spans[1].SpanContext().SpanID().String() {
			parent = "the invocation"
		}
		if parent != want {
			t.Errorf("%s: parent %s, want %s", header, parent, want)
		}
		if linked := numbers(spans[0].Links()); want == firstParent && len(linked) != 2 {
			t.Errorf("%s: links %v, want to the sender and the invocation", header, spans[0].Links())
		}
	}
}

// TestMessageTakesTheSourceOfTheInvocation has a record that does not tell its source.
func TestMessageTakesTheSourceOfTheInvocation(t *testing.T) {
	text, _ := document(t, "kafka-msk")
	fn := func(ctx context.Context, e struct{ Records map[string][]map[string]any }) {
		for _, record := range e.Records["orders-0"] {
			_, span := handler.Message(ctx, record)
			span.End()
		}
	}
	j := invoke(t, fn, string(text), w3cAndBaggage, handler.WithRawEvent())
	if s := j.spans[0]; s.Name() != "process orders" || attributes(s.Attributes())["messaging.system"] != "kafka" {
		t.Errorf("span %q, %v", s.Name(), s.Attributes())
	}
}

func TestMessageWithoutTelemetryHasASpanOfItsOwn(t *testing.T) {
	for name, opts := range map[string][]handler.Option{
		"no SDK":       {handler.WithTracerProvider(noop.NewTracerProvider())},
		"a broken SDK": {sdk(sdktrace.WithSampler(broken{}))},
	} {
		fn := handler.Wrap(func(ctx context.Context) {
			if _, span := handler.Message(ctx, 17); span == nil || span.IsRecording() {
				t.Errorf("%s: span %v", name, span)
			}
		}, opts...).(readerFunc)
		_, _ = fn(t.Context())
	}
	if ctx, span := handler.Message(t.Context(), 17); ctx == nil || span == nil {
		t.Errorf("outside of an invocation: %v, %v", ctx, span)
	}
}

// carried returns a carrier of an order's own fields.
func (o order) carried() propagation.TextMapCarrier {
	return propagation.MapCarrier{"traceparent": o.Note, "baggage": "user=17"}
}

// TestCarrierOfTheProgram gives the caller's span context in a field of the event.
func TestCarrierOfTheProgram(t *testing.T) {
	nowhere := func(any) propagation.TextMapCarrier { return nil }
	typed := func(event any) propagation.TextMapCarrier { return event.(order).carried() }
	pointer := func(event any) propagation.TextMapCarrier { return event.(*order).carried() }
	text := func(event any) propagation.TextMapCarrier {
		var o order
		if err := json.Unmarshal(event.([]byte), &o); err != nil {
			t.Error(err)
		}
		return o.carried()
	}
	seen := ""
	see := func(ctx context.Context) { seen = baggage.FromContext(ctx).Member("user").Value() }
	handleBytes := func(ctx context.Context, _ []byte) ([]byte, error) { see(ctx); return nil, nil }
	handleOrder := func(ctx context.Context, _ order) { see(ctx) }
	for name, tt := range map[string]struct {
		fn      any
		carrier func(any) propagation.TextMapCarrier
		want    string
		opts    []handler.Option
	}{
		"typed":        {handleOrder, typed, w3cParent, nil},
		"a pointer":    {func(ctx context.Context, _ *order) { see(ctx) }, pointer, w3cParent, nil},
		"a raw event":  {handleOrder, typed, w3cParent, []handler.Option{handler.WithRawEvent()}},
		"a Handler":    {bytesHandler(handleBytes), text, w3cParent, nil},
		"no event":     {see, func(event any) propagation.TextMapCarrier { return eventCarrier(t, event) }, w3cParent, nil},
		"nil":          {handleOrder, nowhere, xrayParent, nil},
		"nil function": {handleOrder, nil, xrayParent, nil},
		"empty":        {handleOrder, func(any) propagation.TextMapCarrier { return propagation.MapCarrier{} }, xrayParent, nil},
		"panics":       {handleOrder, pointer, xrayParent, nil},
		"nil pointer":  {handleOrder, func(any) propagation.TextMapCarrier { return (*brokenCarrier)(nil) }, xrayParent, nil},
	} {
		t.Run(name, func(t *testing.T) {
			seen = ""
			otelerr.Handle(t, func(err error) {
				if name != "panics" && name != "nil pointer" {
					t.Error(err)
				}
			})
			j := newRecorder()
			opts := append(append(j.options(true), w3cAndBaggage, handler.WithCarrier(tt.carrier)), tt.opts...)
			payload := fmt.Sprintf(`{"note":%q}`, traceparent)
			_, err := lambda.NewHandler(handler.Wrap(tt.fn, opts...)).Invoke(withXRay(t.Context(), lambdaSampled), []byte(payload))
			if got := j.span(t).Parent().SpanID().String(); err != nil || got != tt.want {
				t.Errorf("parent %s, %v, want %s", got, err, tt.want)
			}
			if want := map[string]string{w3cParent: "17"}[tt.want]; seen != want {
				t.Errorf("baggage %q, want %q", seen, want)
			}
		})
	}
}

// eventCarrier is a carrier for a function that takes no event.
func eventCarrier(t *testing.T, event any) propagation.TextMapCarrier {
	if event != nil {
		t.Errorf("event %v, want nil", event)
	}
	return order{Note: traceparent}.carried()
}

// brokenCarrier panics if it is nil.
type brokenCarrier struct{ propagation.MapCarrier }

func TestCarrierKeepsTheLinksToMessages(t *testing.T) {
	own := handler.WithCarrier(func(any) propagation.TextMapCarrier { return order{Note: traceparent}.carried() })
	for _, messages := range [][]string{{sent(1)}, {sent(1), sent(2)}} {
		span := spanOf(t, lambdaSampled, messages, handler.WithMessageParent(), own)
		diff := cmp.Diff([]int{1, 2}[:len(messages)], numbers(span.Links()))
		if diff != "" || span.Parent().SpanID().String() != w3cParent {
			t.Errorf("parent %v, links (-want +got):\n%s", span.Parent(), diff)
		}
	}
}
