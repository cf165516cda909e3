package trigger

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// maxMessages is how many messages of a batch are asked for an origin and a destination. It is the number of links that a
// span keeps by default (OpenTelemetry specification, SDK, "Span Limits").
const maxMessages = 128

// batch gathers what the messages of an event tell.
type batch struct {
	system      attribute.KeyValue
	count       int // all messages
	seen        int // messages that were asked
	destination common
	id          string // of the first message
	origins     []Origin
}

// add adds a message. The header is an X-Ray header apart from the carrier.
func (b *batch) add(destination, id event.Value, c propagation.TextMapCarrier, header string) {
	b.destination.add(destination)
	if b.seen == 0 {
		b.id = id.Text()
	}
	b.seen++
	if c != nil || header != "" {
		b.origins = append(b.origins, Origin{Carrier: c, TraceHeader: header})
	}
}

// attributesOf returns the carrier of a message's attributes, nil if it has none. The first object takes precedence.
func attributesOf(own, inner event.Value) propagation.TextMapCarrier {
	if own.Empty() && inner.Empty() {
		return nil
	}
	return &carrier{objects: [2]event.Value{own, inner}, text: attributeText}
}

// cause returns what the conventions ask for about messages (OpenTelemetry AWS Lambda conventions, "SQS Event"; messaging
// conventions, "Span name" and "Messaging attributes"). The name is "process DESTINATION", as in the examples of both; the
// text of the former has the reverse order.
func (b *batch) cause(destination string) Cause {
	const operation = "process"
	c := Cause{Kind: trace.SpanKindConsumer, Batch: b.count, Messages: b.origins, Name: operation}
	c.Attributes = append(make([]attribute.KeyValue, 0, 10+Spare), semconv.FaaSTriggerPubSub, b.system,
		semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName(operation))
	if destination != "" {
		c.Name += " " + destination
		c.add(semconv.MessagingDestinationName(destination))
	}
	if b.count == 1 && b.id != "" {
		c.add(semconv.MessagingMessageID(b.id))
	}
	return c
}

// addCount adds the number of messages, if one of these values has them: an event of a program's own type may not.
func (b *batch) addCount(c *Cause, messages ...event.Value) {
	if slices.ContainsFunc(messages, event.Value.Present) {
		c.add(semconv.MessagingBatchMessageCount(b.count))
	}
}

// common is a value that may be the same for all messages.
type common struct {
	value        string
	seen, differ bool
}

// add adds the value of one message.
func (c *common) add(v event.Value) {
	switch {
	case !c.seen:
		c.value, c.seen = v.Text(), true
	case !c.differ && !v.Is(c.value):
		c.differ = true
	}
}

// get returns the value, empty if the messages have different ones.
func (c *common) get() string {
	if c.differ {
		return ""
	}
	return c.value
}

// arn has parts of an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE (AWS General Reference, "Amazon Resource Names").
type arn struct{ partition, region, account, resource string }

// parseARN returns the parts of an ARN, empty ones for any other text.
func parseARN(text string) arn {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 {
		return arn{}
	}
	return arn{partition: parts[1], region: parts[3], account: parts[4], resource: parts[5]}
}
