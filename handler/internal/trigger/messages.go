package trigger

import (
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

// message describes one record of a batch.
type message struct {
	destination, id string
	carrier         propagation.TextMapCarrier // of attributes or headers; nil if there are none
	traceHeader     string                     // an X-Ray header apart from the carrier
}

// batch gathers what the messages of an event tell.
type batch struct {
	count       int  // all messages
	counted     bool // the event has a list of them: one of a program's own type may not
	seen        int  // messages that were asked
	destination common
	id          string // of the first message
	origins     []Origin
}

// addList adds the messages of a list.
func (b *batch) addList(list event.Value, read func(record *event.Object) message, members ...string) {
	b.counted = b.counted || list.Present()
	b.count += list.EachObject(maxMessages-b.seen, members, func(record *event.Object) { b.add(read(record)) })
}

// add adds a message, which is counted already.
func (b *batch) add(m message) {
	b.destination.add(m.destination)
	if b.seen == 0 {
		b.id = m.id
	}
	b.seen++
	if m.carrier != nil || m.traceHeader != "" {
		b.origins = append(b.origins, Origin{Carrier: m.carrier, TraceHeader: m.traceHeader})
	}
}

// cause returns what the conventions ask for about messages (OpenTelemetry AWS Lambda conventions, "SQS Event"; messaging
// conventions, "Span name" and "Messaging attributes"). The name is "process DESTINATION", as in the examples of both; the
// text of the former has the reverse order.
func (b *batch) cause(system attribute.KeyValue, destination string) Cause {
	const operation = "process"
	c := Cause{Kind: trace.SpanKindConsumer, Batch: b.count, Messages: b.origins, Name: operation}
	c.Attributes = append(make([]attribute.KeyValue, 0, 10+Spare), semconv.FaaSTriggerPubSub, system,
		semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName(operation))
	if destination != "" {
		c.Name += " " + destination
		c.add(semconv.MessagingDestinationName(destination))
	}
	if b.counted {
		c.add(semconv.MessagingBatchMessageCount(b.count))
	}
	if b.count == 1 {
		c.addText(semconv.MessagingMessageIDKey, b.id)
	}
	return c
}

// common is a value that may be the same for all messages.
type common struct {
	value        string
	seen, differ bool
}

// add adds the value of one message.
func (c *common) add(value string) {
	c.differ = c.differ || c.seen && value != c.value
	c.value, c.seen = value, true
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
