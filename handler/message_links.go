package handler

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// maxLinks is how many links the messages of a batch give at most: the first ones that differ. It bounds the work of a
// batch, which may have 10,000 messages (AWS Lambda API Reference, "CreateEventSourceMapping"). The SDK has a bound
// of its own, OTEL_SPAN_LINK_COUNT_LIMIT, 128 by default: of what it is given it keeps the last and counts the rest.
const maxLinks = 1024

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
	propagators, from := in.propagators(), trace.ContextWithSpanContext(ctx, elsewhere)
	for i := range cause.Messages {
		if len(links.list) == maxLinks {
			break
		}
		m := &cause.Messages[i]
		extracted := propagators.Extract(from, carrierOf(m))
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

// linkSet gathers the links of a span, one for each span that is linked to, in the order in which they were found.
type linkSet struct {
	list []trace.Link
	seen map[linkKey]struct{} // nil while there are few
}

type linkKey struct {
	trace trace.TraceID
	span  trace.SpanID
}

func keyOf(sc trace.SpanContext) linkKey { return linkKey{sc.TraceID(), sc.SpanID()} }

// add adds a link to sc, unless sc is invalid or linked to already.
func (l *linkSet) add(sc trace.SpanContext) {
	if !sc.IsValid() || l.has(keyOf(sc)) {
		return
	}
	l.list = append(l.list, trace.Link{SpanContext: sc})
	if l.seen != nil {
		l.seen[keyOf(sc)] = struct{}{}
	}
}

// has looks among few links one by one, which is faster than a map.
func (l *linkSet) has(key linkKey) bool {
	const few = 16
	if len(l.list) < few {
		for i := range l.list {
			if keyOf(l.list[i].SpanContext) == key {
				return true
			}
		}
		return false
	}
	if l.seen == nil {
		l.seen = make(map[linkKey]struct{}, 4*few)
		for i := range l.list {
			l.seen[keyOf(l.list[i].SpanContext)] = struct{}{}
		}
	}
	_, ok := l.seen[key]
	return ok
}
