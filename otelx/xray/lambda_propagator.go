package xray

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// LambdaPropagator is [Propagator] in a Lambda function whose spans go to X-Ray: the header that Lambda gives with the
// invocation beats the carrier's, so that the function's spans stand under Lambda's own segment. In OTEL_PROPAGATORS
// its name is xray-lambda, and it takes the place of xray; the two together do not work (OpenTelemetry AWS Lambda
// conventions, "xray-lambda Propagator Functionality" and "Configuration").
//
// A valid span context in the context that is given to Extract beats Lambda's header, also one that a propagator
// before this one has extracted: with tracecontext,baggage,xray-lambda that is the traceparent. Lambda's decision
// is taken over with the header: where X-Ray is not active in the function, that is Sampled=0, and a parent-based sampler
// drops the trace.
//
// Lambda's header is the context's, else that of _X_AMZN_TRACE_ID where only one invocation runs at a time.
//
// The zero value is ready to use.
type LambdaPropagator struct{ Propagator }

var _ propagation.TextMapPropagator = LambdaPropagator{}

// Extract returns ctx with the remote span context of Lambda's header, where ctx has none yet, else with that of
// carrier's, where there is one.
func (p LambdaPropagator) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	extracted := p.Propagator.Extract(ctx, carrier)
	if trace.SpanContextFromContext(ctx).IsValid() {
		return extracted
	}
	return extract(extracted, xrayheader.OfInvocation(ctx))
}
