package xray

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// LambdaPropagator is [Propagator] for a Lambda function whose spans go to X-Ray: the header of the invocation wins over the
// carrier's, so that the function's spans are below Lambda's own segment. In OTEL_PROPAGATORS its name is xray-lambda. It replaces
// xray; the two do not work together (OpenTelemetry AWS Lambda conventions, "xray-lambda Propagator Functionality" and
// "Configuration").
//
// A valid span context in the context of Extract wins over Lambda's header, including one that an earlier propagator has
// extracted: with tracecontext,baggage,xray-lambda that is the traceparent. The header carries Lambda's sampling decision. If X-Ray
// is not active in the function, that is Sampled=0, and a parent-based sampler drops the trace.
//
// Lambda's header is the one in the context, otherwise _X_AMZN_TRACE_ID if only one invocation runs at a time.
//
// The zero value is ready to use.
type LambdaPropagator struct{ Propagator }

var _ propagation.TextMapPropagator = LambdaPropagator{}

// Extract returns ctx with the remote span context of Lambda's header, unless ctx has one already; without Lambda's header it uses
// carrier's.
func (p LambdaPropagator) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	extracted := p.Propagator.Extract(ctx, carrier)
	if trace.SpanContextFromContext(ctx).IsValid() {
		return extracted
	}
	return extract(extracted, xrayheader.OfInvocation(ctx))
}
