package handler

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// maxLinks is how many links a span gets at most: those to the first messages of a batch that differ, the last of which gives
// its place to Lambda's span where there is a link to that. It bounds the work for a batch, which may have 10,000 messages
// (AWS Lambda API Reference, "CreateEventSourceMapping"), and is what a span keeps by default (OTEL_SPAN_LINK_COUNT_LIMIT). A
// span with a lower limit keeps the last and counts the others.
const maxLinks = 128

// elsewhere stands in the context from which the messages' span contexts are extracted. A propagator that also reads
// from elsewhere than the carrier, as xray-lambda does, leaves that where there is a span context already (OpenTelemetry
// AWS Lambda conventions, "xray-lambda Propagator Functionality"), and what it has not found is told from what it has.
var elsewhere = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})

// messages adds a link for each message with a span context. With WithMessageParent, and where the batch is one
// message, it returns ctx with that message's as the parent, and its baggage.
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

// headerContext returns the span context that an X-Ray header names, whatever its decision; invalid where it names none.
func headerContext(s string) trace.SpanContext {
	if s == "" {
		return trace.SpanContext{}
	}
	h, err := xrayheader.Parse(s)
	if err != nil {
		return trace.SpanContext{}
	}
	return h.SpanContext()
}

// linkSet gathers the links of a span, one for each span that is linked to, in the order in which they were found. They are
// so few that looking at each is faster than a map.
type linkSet struct{ list []trace.Link }

// add adds a link to sc, unless sc is invalid or linked to already. In a full set it takes the last one's place.
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
