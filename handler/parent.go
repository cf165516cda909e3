package handler

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// parent returns ctx with the remote parent of the invocation's span, if it has one, and the span's links. The
// parent is the first of:
//
//   - with WithCarrier, the span context that the propagator finds in the program's own carrier;
//   - with WithMessageParent, the span context of the only message of a batch;
//   - the one that the propagator finds in the caller's carrier, with the baggage it finds; it is called without a
//     carrier too, since xray-lambda reads Lambda's header;
//   - the one of the X-Ray header that the event has for its caller;
//   - the one of the X-Ray header that Lambda gives with the invocation.
//
// The X-Ray headers follow the rule of WithXRayParent. docs/propagation.md has a table, each row of which is a test.
func (in *instrument) parent(
	ctx context.Context, cause *trigger.Cause, event func() any,
) (context.Context, []trace.Link) {
	var links linkSet
	only, ok := in.messages(ctx, cause, &links)
	if extracted, found := in.extractOwn(ctx, event); found {
		return extracted, links.list
	}
	if ok {
		return only, links.list
	}
	parent := in.propagator().Extract(ctx, carrierOf(&cause.Caller))
	if sc := trace.SpanContextFromContext(parent); found(sc, trace.SpanContextFromContext(ctx)) {
		return parent, links.list
	}
	for _, s := range [...]string{cause.Caller.TraceHeader, xrayheader.OfInvocation(ctx)} {
		if sc, ok := in.header(s, &links); ok {
			return trace.ContextWithRemoteSpanContext(parent, sc), links.list
		}
	}
	return parent, links.list
}

// extractOwn returns ctx with the span context in the carrier that the program makes of an event, if there is one. A
// carrier that panics has none.
func (in *instrument) extractOwn(ctx context.Context, event func() any) (extracted context.Context, ok bool) {
	if in.carrier == nil {
		return ctx, false
	}
	in.protect(func() {
		own := in.carrier(event())
		if own == nil {
			return
		}
		extracted = in.propagator().Extract(trace.ContextWithSpanContext(ctx, elsewhere), own)
		ok = found(trace.SpanContextFromContext(extracted), elsewhere)
	})
	return extracted, ok
}

// header returns the span context that an X-Ray header gives as a parent. A header without Sampled=1 becomes a link,
// unless WithXRayParent says otherwise. A header that is malformed, or has no Parent, gives nothing.
func (in *instrument) header(s string, links *linkSet) (trace.SpanContext, bool) {
	h, ok := xrayheader.Parse(s)
	if !ok || !h.Parent.IsValid() {
		return trace.SpanContext{}, false
	}
	switch {
	case h.Sampling == xrayheader.Sampled:
	case in.xrayParent == XRayParentAlways:
		h.Sampling = xrayheader.Sampled
	case in.xrayParent == XRayParentWithDecision && h.Sampling == xrayheader.NotSampled:
	default:
		links.add(h.SpanContext())
		return trace.SpanContext{}, false
	}
	return h.SpanContext(), true
}

// carrierOf returns the carrier of an origin, never nil.
func carrierOf(o *trigger.Origin) propagation.TextMapCarrier {
	if o.Carrier == nil {
		return propagation.MapCarrier(nil)
	}
	return o.Carrier
}

// found reports whether sc came out of an extraction from a context that held before.
func found(sc, before trace.SpanContext) bool {
	return sc.IsValid() && sc.IsRemote() && !sc.Equal(before)
}

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
	for i := range cause.Messages {
		if len(links.list) == maxLinks {
			break
		}
		parent, ok := in.message(ctx, &cause.Messages[i], links)
		if ok && in.messageParent && cause.Batch == 1 {
			return parent, true
		}
	}
	return ctx, false
}

// message adds a link to the sender of a message, if the message has its span context. It returns ctx with that span
// context as a parent, and the message's baggage, if the rules for parents allow it.
func (in *instrument) message(ctx context.Context, m *trigger.Origin, links *linkSet) (context.Context, bool) {
	extracted := in.propagator().Extract(trace.ContextWithSpanContext(ctx, elsewhere), carrierOf(m))
	if sc := trace.SpanContextFromContext(extracted); found(sc, elsewhere) {
		links.add(sc)
		return extracted, true
	}
	h, _ := xrayheader.Parse(m.TraceHeader)
	links.add(h.SpanContext())
	sc, ok := in.header(m.TraceHeader, links)
	return trace.ContextWithRemoteSpanContext(extracted, sc), ok
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
