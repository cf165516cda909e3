package trigger

import (
	"cmp"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// maxMessages is how many messages of a batch are looked at for an origin, and for whether they have the same destination.
// It is the number of links that a span keeps by OpenTelemetry's specification (SDK, "Span Limits").
const maxMessages = 128

// batch gathers what the messages of an event say.
type batch struct {
	count    int // all of them
	hint     int // how many may have an origin, where it is known
	system   attribute.KeyValue
	origins  []Origin
	carriers []carrier

	seen        int
	destination shared
	detail      shared // a second thing that may be the same for all: a topic's ARN, a partition
	id          string // of the first
}

// shared is a value that may be the same for all messages.
type shared struct {
	value  string
	differ bool
}

// add takes over the value of the n-th message, from 0.
func (s *shared) add(n int, v string) {
	if n == 0 {
		s.value = v
	}
	s.differ = s.differ || s.value != v
}

// addValue is add for a value of an event, which it reads only where it differs.
func (s *shared) addValue(n int, v *value) {
	if n == 0 || !v.is(s.value) {
		s.add(n, v.text())
	}
}

// get returns the value, empty where it is not the same for all.
func (s *shared) get() string {
	if s.differ {
		return ""
	}
	return s.value
}

// origin keeps the origin of a message, where it has one.
func (b *batch) origin(c *carrier, traceHeader string) {
	o := Origin{TraceHeader: traceHeader}
	if !c.objects[0].empty() || !c.objects[1].empty() {
		if b.carriers == nil {
			b.carriers = make([]carrier, 0, cmp.Or(b.hint, 8))
		}
		b.carriers = append(b.carriers, *c) // where it moves, the earlier pointers are to what it was, which is the same
		o.Carrier = &b.carriers[len(b.carriers)-1]
	}
	b.keep(o)
}

// keep keeps an origin that is one.
func (b *batch) keep(o Origin) {
	if o.Carrier == nil && o.TraceHeader == "" {
		return
	}
	if b.origins == nil {
		b.origins = make([]Origin, 0, cmp.Or(b.hint, 8))
	}
	b.origins = append(b.origins, o)
}

// cause sets what the conventions ask for of messages that are processed (OpenTelemetry AWS Lambda conventions, "SQS
// Event"; messaging conventions, "Span name" and "Messaging attributes"). The name is "process DESTINATION", as in the
// examples of both; the former's text turns it round.
func (b *batch) cause(c *Cause, destination string) {
	const operation = "process"
	c.Kind, c.Batch, c.Messages, c.Name = trace.SpanKindConsumer, b.count, b.origins, operation
	c.Attributes = append(make([]attribute.KeyValue, 0, 10+Spare), semconv.FaaSTriggerPubSub, b.system,
		semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName(operation))
	if destination != "" {
		c.Name = operation + " " + destination
		c.add(semconv.MessagingDestinationName(destination))
	}
	if b.count == 1 && b.id != "" {
		c.add(semconv.MessagingMessageID(b.id))
	}
}

func (c *Cause) add(kv attribute.KeyValue) { c.Attributes = append(c.Attributes, kv) }

// arnResource returns what an ARN names: what follows its fifth colon, as in arn:aws:sqs:REGION:ACCOUNT:QUEUE (AWS
// General Reference, "Amazon Resource Names").
func arnResource(arn string) string {
	for range 5 {
		_, rest, ok := strings.Cut(arn, ":")
		if !ok {
			return ""
		}
		arn = rest
	}
	return arn
}
