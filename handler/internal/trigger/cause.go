// Package trigger reads the cause of an invocation from its event: the attributes that OpenTelemetry's conventions ask
// for, and the span contexts of the senders. source.go has the table of the event sources.
package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Cause describes what triggered an invocation, by its event. It shares memory with the event, so it must be used
// before the handler is called, which may change the event.
type Cause struct {
	Source Source
	// Kind is the span kind that the conventions ask for.
	Kind trace.SpanKind
	// Name is the span's name; empty for the function's name.
	Name string
	// Attributes are those at the span's start, faas.trigger among them.
	Attributes []attribute.KeyValue
	// Caller is where the sender of a request has left its span context.
	Caller Origin
	// Messages are the origins of a batch's messages, in their order, without the messages that have none.
	Messages []Origin
	// Batch is the number of messages, including those without an origin; 0 if the event has no messages.
	Batch int
	// HTTP says that the result becomes an HTTP response.
	HTTP bool
}

// Origin is where a sender has left its span context.
type Origin struct {
	// Carrier has headers or message attributes for propagators; nil if there are none.
	Carrier propagation.TextMapCarrier
	// TraceHeader is an X-Ray header apart from the carrier, such as SQS's AWSTraceHeader; empty if there is none.
	TraceHeader string
}

// usualAttributes is how many attributes a span usually has, with those that package handler adds.
const usualAttributes = 16

// newServerCause returns the cause of a request that the caller waits for.
func newServerCause(faasTrigger attribute.KeyValue) Cause {
	return Cause{
		Kind: trace.SpanKindServer, Attributes: append(make([]attribute.KeyValue, 0, usualAttributes), faasTrigger),
	}
}

// add adds an attribute. Inlined into their callers, add and addText would add 12 KB to a function's binary.
//
//go:noinline
func (c *Cause) add(kv attribute.KeyValue) { c.Attributes = append(c.Attributes, kv) }

// addText adds an attribute unless its value is empty.
//
//go:noinline
func (c *Cause) addText(key attribute.Key, text string) {
	if text != "" {
		c.add(key.String(text))
	}
}
