package main

import (
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel/trace"
)

// senderLink returns a link to the span that sent msg, or none if the message names no span. It is a link and not the
// parent: one invocation serves messages of many traces.
func (w *worker) senderLink(ctx context.Context, msg events.SQSMessage) []trace.Link {
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{}) // the invocation's span is not the sender's
	sender := trace.SpanContextFromContext(w.propagator.Extract(ctx, carrier(msg)))
	if !sender.IsValid() {
		return nil
	}
	return []trace.Link{{SpanContext: sender}}
}

// carrier is a message as a propagator's carrier: its string attributes, and the X-Ray header that SQS itself keeps.
type carrier events.SQSMessage

// Get finds key in any case, as header names require.
func (c carrier) Get(key string) string {
	if strings.EqualFold(key, "X-Amzn-Trace-Id") {
		return c.Attributes["AWSTraceHeader"]
	}
	for name, attr := range c.MessageAttributes {
		if strings.EqualFold(name, key) && attr.StringValue != nil {
			return *attr.StringValue
		}
	}
	return ""
}

// Set does nothing: a received message is not written to.
func (c carrier) Set(string, string) {}

// Keys lists the keys of Get.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c.MessageAttributes)+1)
	for name := range c.MessageAttributes {
		keys = append(keys, name)
	}
	if c.Attributes["AWSTraceHeader"] != "" {
		keys = append(keys, "X-Amzn-Trace-Id")
	}
	return keys
}
