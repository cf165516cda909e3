package handler

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// How an environment may have been initialised. The first three are the platform's own words (AWS Lambda Developer
// Guide, "Defined runtime environment variables"); that it also initialises on-demand environments ahead of any request is
// in its "Lambda execution environment lifecycle", and in no variable.
const (
	onDemand         = "on-demand"
	provisioned      = "provisioned-concurrency"
	managedInstances = "lambda-managed-instances"
	proactive        = "proactive"
)

// initializationType is the attribute that tells them apart. OpenTelemetry's conventions have none.
const initializationType = attribute.Key("epilogue.initialization_type")

// proactiveAfter is how long after its initialisation an on-demand environment gets the invocation that it was made for
// at the latest. What may lie between is the initialisation of other extensions, and the whole of it is limited to 10 s
// (AWS Lambda Developer Guide, "Lambda execution environment lifecycle", "Init phase"). OpenTelemetry's instrumentation
// for JavaScript and Datadog's draw the line at 10 s as well.
const proactiveAfter = 10 * time.Second

// WithoutInitSpan leaves the span of the environment's initialisation out; see the package's section on cold starts. The
// attributes of the first invocation's span stay. Default: the span is made.
func WithoutInitSpan() Option {
	return optionFunc(func(c *config) { c.noInitSpan = true })
}

// initialization is the environment's Init phase, as far as the function sees it.
type initialization struct {
	kind    string    // AWS_LAMBDA_INITIALIZATION_TYPE
	began   time.Time // the process; zero where there is to be no span
	ended   time.Time // when Wrap was called, the last that can be seen before lambda.Start asks for the first invocation
	arrived atomic.Bool
}

// begin reads what there is to know. Nothing outside Lambda has an Init phase.
func (i *initialization) begin(c *config) {
	i.kind = c.process.getenv("AWS_LAMBDA_INITIALIZATION_TYPE")
	if !c.noInitSpan && c.process.getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		i.began = c.process.began()
	}
}

// arrival is what an invocation has to do with the environment's initialisation.
type arrival struct {
	first bool   // the environment's first
	cold  bool   // somebody waited for the initialisation
	kind  string // of the initialisation; only of the first, empty where unknown
}

// arrive tells of the invocation that begins now. Of several at once exactly one is the first.
func (i *initialization) arrive() arrival {
	if i.arrived.Load() || i.arrived.Swap(true) {
		return arrival{}
	}
	switch i.kind {
	case provisioned, managedInstances:
		// Nobody waits: the environments are made when they are configured, or by load, and not for a request (AWS
		// Lambda Developer Guide, "Configuring provisioned concurrency", "Scaling Lambda Managed Instances").
		return arrival{first: true, kind: i.kind}
	case onDemand, "":
		if i.idle() > proactiveAfter {
			return arrival{first: true, kind: proactive}
		}
	}
	return arrival{first: true, cold: true, kind: i.kind}
}

// idle is how long ago the initialisation ended. The environment may have been frozen since: then one of the clocks may
// have stood still, and the other is right.
func (i *initialization) idle() time.Duration {
	now := time.Now()
	return max(now.Sub(i.ended), now.Round(0).Sub(i.ended.Round(0)))
}

// appendAttributes adds what the invocation's span says of it.
func (a arrival) appendAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	attrs = append(attrs, semconv.FaaSColdstart(a.cold))
	if a.kind != "" {
		attrs = append(attrs, initializationType.String(a.kind))
	}
	return attrs
}

// traceInit makes the span of the initialisation, a child of the first invocation's: so it is in that trace, with the
// decision of that span, and leaves with its flush, although it lies before it.
func (in *instrument) traceInit(ctx context.Context, a arrival) {
	if !a.first || in.init.began.IsZero() || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, span := in.tracer().Start(ctx, "init", trace.WithTimestamp(in.init.began),
		trace.WithAttributes(a.appendAttributes(make([]attribute.KeyValue, 0, 2))...))
	span.End(trace.WithTimestamp(in.init.ended))
}
