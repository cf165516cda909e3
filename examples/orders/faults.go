package main

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// maxLambdaTimeout is the longest timeout a function can have (AWS Lambda Developer Guide, Lambda quotas).
const maxLambdaTimeout = 15 * time.Minute

// slowSKU is the article that the prices service finds only after PRICES_SLOW.
const slowSKU = "glacier-ice"

// fault answers POST /faults/{name}: it breaks the invocation on purpose, with spans open.
func (a *api) fault(ctx context.Context, name string) response {
	switch name {
	case "panic":
		a.panicOpen(ctx)
	case "timeout":
		a.overstay(ctx)
	default:
		return failure(http.StatusNotFound, "no such fault: "+name)
	}
	return response{StatusCode: http.StatusNoContent}
}

// panicOpen panics with one span ended and one open, as code without a deferred End does.
func (a *api) panicOpen(ctx context.Context) {
	ctx, _ = a.tracer.Start(ctx, "pack order")
	_, weigh := a.tracer.Start(ctx, "weigh")
	weigh.End()
	panic("faults: the box fell off the table")
}

// overstay asks for the slowest price with a context without a deadline, and still waits when prices has answered. The
// function times out with two open spans.
func (a *api) overstay(ctx context.Context) {
	ctx, span := a.tracer.Start(context.WithoutCancel(ctx), "wait for the glacier")
	defer span.End()
	hold := time.NewTimer(a.faultHold)
	defer hold.Stop()
	if _, err := a.prices.price(ctx, slowSKU); err != nil {
		span.SetAttributes(attribute.String("fault.answer", err.Error()))
	}
	<-hold.C
}
