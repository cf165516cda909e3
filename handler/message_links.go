package handler

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// maxLinks is the largest number of links of a span: those to the first different messages of a batch. A link to
// Lambda's span replaces the last one. It bounds the work for a batch, which may have 10,000 messages (AWS Lambda API
// Reference, "CreateEventSourceMapping"), and is the default of OTEL_SPAN_LINK_COUNT_LIMIT. A span with a lower limit
// keeps the last links and counts the others.
const maxLinks = 128

// elsewhere is in the context from which the messages' span contexts are extracted. A propagator that also reads from
// another place than the carrier, as xray-lambda does, does not replace a span context that is there already
// (OpenTelemetry AWS Lambda conventions, "xray-lambda Propagator Functionality"). So a span context that comes from the
// carrier can be told from it.
var elsewhere = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})

// messages adds a link for each message with a span context. With WithMessageParent, and if the batch is one message,
// it returns ctx with that message's span context as the parent, and its baggage.
func (in *instrument) messages(ctx context.Context, cause *trigger.Cause, links *linkSet) (context.Context, bool) {
	if len(cause.Messages) == 0 {
		return ctx, false
	}
	propagator, from := in.propagator(), trace.ContextWithSpanContext(ctx, elsewhere)
	for i := range cause.Messages {
		if len(links.list) == maxLinks {
			break
		}
		m := &cause.Messages[i]
		extracted := propagator.Extract(from, carrierOf(m))
		sc := trace.SpanContextFromContext(extracted)
		byPropagator := found(sc, elsewhere)
		if !byPropagator {
			sc = headerContext(m.TraceHeader)
		}
		links.add(sc)
		if !in.messageParent || cause.Batch != 1 {
			continue
		}
		if byPropagator {
			return extracted, true
		}
		if sc, ok := in.header(m.TraceHeader, links); ok {
			return trace.ContextWithRemoteSpanContext(extracted, sc), true
		}
	}
	return ctx, false
}

// headerContext returns the span context that an X-Ray header names, with any decision; invalid if it names none.
func headerContext(s string) trace.SpanContext {
	h, _ := xrayheader.Parse(s)
	return h.SpanContext()
}

// linkSet has the links of a span, one for each span, in the order in which they were found. They are so few that a
// search is faster than a map.
type linkSet struct{ list []trace.Link }

// add adds a link to sc, unless sc is invalid or has a link. In a full set it replaces the last one.
func (l *linkSet) add(sc trace.SpanContext) {
	if !sc.IsValid() {
		return
	}
	for i := range l.list {
		known := &l.list[i].SpanContext
		if known.SpanID() == sc.SpanID() && known.TraceID() == sc.TraceID() {
			return
		}
	}
	l.list = append(l.list[:min(len(l.list), maxLinks-1)], trace.Link{SpanContext: sc})
}
