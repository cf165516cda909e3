package handler

import (
	"cmp"
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// Message starts a span for the work on one message of a batch, as OpenTelemetry's AWS Lambda conventions ask ("SQS
// Message"). End the span when the work on the message is over:
//
//	for _, record := range event.Records {
//		ctx, span := handler.Message(ctx, record)
//		err := process(ctx, record)
//		…
//		span.End()
//	}
//
// ctx is the context of the handler that [Wrap] instruments, or one made of it. The record is one element of the event:
// a record of aws-lambda-go's events package such as events.SQSMessage, a pointer to one, a value of a type of your own
// with the fields of one, a map, or JSON text as []byte or json.RawMessage.
//
// The span has kind consumer, the name "process DESTINATION", and the attributes of the messaging conventions. Its
// parent is the span in ctx, and it has a link to the sender's span if the message names it. With [WithMessageParent]
// the sender's span is the parent, and the span in ctx gets a link. A record of a database's stream or of a bucket,
// which is no message, has the attributes of that source. A record of an unknown type gives a span "process" without
// attributes of a source. The options come last, so they add to these, and may replace kind and attributes.
//
// Without an invocation in ctx the providers are OpenTelemetry's global ones.
func Message(ctx context.Context, record any, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	in, source := detached(), trigger.Unknown
	if inv, ok := ctx.Value(invocationKey{}).(*invocation); ok {
		in, source = inv.instrument, inv.source
	}
	messageCtx, span := ctx, noSpan
	in.protect(func() {
		started, s := in.startMessage(ctx, trigger.Message(record, source), opts)
		_ = s.SpanContext() // panics here if a tracer returns no span
		messageCtx, span = started, s
	})
	return messageCtx, span
}

// detached is the instrument of messages outside of an invocation.
var detached = sync.OnceValue(func() *instrument { return newInstrument(newConfig(nil)) })

// startMessage starts the span of a message.
func (in *instrument) startMessage(
	ctx context.Context, cause trigger.Cause, opts []trace.SpanStartOption,
) (context.Context, trace.Span) {
	if cause.HTTP || cause.Source == trigger.Other { // no message
		cause.Name, cause.Attributes = "", nil
	}
	var links linkSet
	parent := ctx
	for i := range cause.Messages {
		if sender, ok := in.message(ctx, &cause.Messages[i], &links); ok && in.messageParent {
			parent = sender
			links.add(trace.SpanContextFromContext(ctx))
		}
	}
	return in.tracer().Start(parent, cmp.Or(cause.Name, "process"), append([]trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(cause.Attributes...), trace.WithLinks(links.list...),
	}, opts...)...)
}
