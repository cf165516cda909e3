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
//   - with WithMessageParent, the span context of the only message of a batch;
//   - the one that the propagator finds in the caller's carrier, with the baggage it finds; it is called without a
//     carrier too, since xray-lambda reads Lambda's header;
//   - the one of the X-Ray header that the event has for its caller;
//   - the one of the X-Ray header that Lambda gives with the invocation.
//
// The X-Ray headers follow the rule of WithXRayParent. docs/propagation.md has a table, each row of which is a test.
func (in *instrument) parent(ctx context.Context, cause *trigger.Cause) (context.Context, []trace.Link) {
	var links linkSet
	if only, ok := in.messages(ctx, cause, &links); ok {
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

// header returns the span context that an X-Ray header gives as a parent. A header without Sampled=1 becomes a link,
// unless WithXRayParent says otherwise: in PassThrough mode Lambda invents Sampled=0 for every invocation, and a
// parent-based sampler would drop every trace. A header that is malformed, or has no Parent, gives nothing.
func (in *instrument) header(s string, links *linkSet) (trace.SpanContext, bool) {
	if s == "" {
		return trace.SpanContext{}, false
	}
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
