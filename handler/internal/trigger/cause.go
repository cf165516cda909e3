// Package trigger reads from an event what has caused an invocation: what the conventions ask to be said of it, and
// where its sender has left a span context.
package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Cause is what an event tells of its invocation. The zero value is an event that tells nothing. It shares memory with the
// event, and is to be used before the handler is called, which may change that.
type Cause struct {
	// Source is what has invoked the function, Other where that is not known.
	Source Source
	// Kind is the span kind that the conventions ask for; unspecified counts as server.
	Kind trace.SpanKind
	// Name is the span's name; empty where it is the function's.
	Name string
	// Attributes are known at the span's start, faas.trigger among them. They have room for
	// Spare more.
	Attributes []attribute.KeyValue
	// Caller is where the one sender of a request has left its span context; nothing for messages.
	Caller Origin
	// Messages are the origins of the messages of a batch, one an element, in their order: those that have one.
	Messages []Origin
	// Batch is how many messages there are, those without an origin included; 0 where the event is none of messages.
	Batch int
	// HTTP says that the response may have an HTTP status.
	HTTP bool
}

// Spare is how many attributes are usually added to those of a Cause.
const Spare = 6

// Origin is where a sender has left its span context.
type Origin struct {
	// Carrier is what propagators read: headers or message attributes; nil for none.
	Carrier propagation.TextMapCarrier
	// TraceHeader is an X-Ray header that stands apart from them, such as SQS's AWSTraceHeader; empty for none.
	TraceHeader string
}
