package xray

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// Propagator reads and writes the header X-Amzn-Trace-Id (AWS X-Ray Developer Guide, "Tracing header"). In
// OTEL_PROPAGATORS its name is xray. It never fails: a malformed header changes nothing, and a header without Parent, as load
// balancers and API Gateway add it, yields no span context.
//
// A header without a sampling decision (Sampled=?, or no Sampled) yields an unsampled span context, because a span context cannot
// express that.
//
// Inject passes Lineage on, by which Lambda detects functions that call themselves forever (AWS Lambda Developer Guide, "Recursive
// loop detection"): the invocation's, which Lambda has updated, otherwise the extracted one. The AWS SDK would not add it, because
// the header exists already.
//
// The zero value is ready to use.
type Propagator struct{}

var _ propagation.TextMapPropagator = Propagator{}

// Inject writes the header of the span context in ctx if that is valid.
func (Propagator) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	h := xrayheader.FromSpanContext(sc)
	h.Lineage = lineage(ctx)
	carrier.Set(xrayheader.Name, h.String())
}

// Extract returns ctx with the remote span context of carrier's header if there is one.
func (Propagator) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	return extract(ctx, carrier.Get(xrayheader.Name))
}

// Fields returns the name of the header.
func (Propagator) Fields() []string { return []string{xrayheader.Name} }

// extract returns ctx with the content of header.
func extract(ctx context.Context, header string) context.Context {
	h, ok := xrayheader.Parse(header)
	if !ok {
		return ctx
	}
	if passable(h.Lineage) {
		ctx = context.WithValue(ctx, lineageKey{}, h.Lineage)
	}
	if !h.Parent.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, h.SpanContext())
}

// lineageKey is the context key of the Lineage that came with an extracted header.
type lineageKey struct{}

// lineage returns the Lineage to pass on; empty for none.
func lineage(ctx context.Context) string {
	header, _ := ctx.Value(xrayheader.ContextKey).(string)
	if h, ok := xrayheader.Parse(header); ok && passable(h.Lineage) {
		return h.Lineage
	}
	s, _ := ctx.Value(lineageKey{}).(string)
	return s
}

// passable reports whether a Lineage, which comes from outside, may be written to a header: net/http refuses a request for one bad
// byte. Lambda's are groups of hexadecimal digits, colons and bars.
func passable(lineage string) bool {
	const most = 256
	if lineage == "" || len(lineage) > most {
		return false
	}
	for i := range len(lineage) {
		if c := lineage[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
