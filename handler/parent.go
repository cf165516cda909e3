package handler

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// parent returns ctx with the remote parent of the invocation's span, where there is one, and the span's links. The
// parent is the first of:
//
//   - with WithMessageParent, the span context of the only message of a batch;
//   - the one that the propagators find in the caller's carrier, with the baggage they find. They are asked without a
//     carrier too: xray-lambda reads Lambda's header;
//   - the one of the X-Ray header that the event has for its caller;
//   - the one of the X-Ray header that Lambda gives with the invocation.
//
// Of an X-Ray header counts what in.header says. docs/propagation.md has all this as a table, each row of which is a
// test.
func (in *instrument) parent(ctx context.Context, cause *trigger.Cause) (context.Context, []trace.Link) {
	var links linkSet
	if only, ok := in.messages(ctx, cause, &links); ok {
		return only, links.list
	}
	parent := in.propagators().Extract(ctx, carrierOf(&cause.Caller))
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

// header returns the span context that an X-Ray header gives as a parent. One that says Sampled=1 does; one that does
// not becomes a link, unless an option says otherwise. In PassThrough mode Lambda makes up Sampled=0 for every
// invocation: as a parent it would silence the trace under the usual parent-based sampler, and it names a span that
// nobody records. The link keeps the way to it; the sampler decides as for a root.
//
// A header that is malformed, or names a trace without a span to be the child of, gives nothing.
func (in *instrument) header(s string, links *linkSet) (trace.SpanContext, bool) {
	if s == "" {
		return trace.SpanContext{}, false
	}
	h, err := xrayheader.Parse(s)
	if err != nil || !h.Parent.IsValid() {
		return trace.SpanContext{}, false
	}
	switch {
	case h.Sampling == xrayheader.Sampled:
	case in.unsampled == unsampledParent:
		h.Sampling = xrayheader.Sampled
	case in.unsampled == unsampledStands && h.Sampling == xrayheader.NotSampled:
	default:
		links.add(h.SpanContext())
		return trace.SpanContext{}, false
	}
	return h.SpanContext(), true
}

// carrierOf returns what propagators read of an origin, never nil.
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
