package handler

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/version"
)

// instrument is shared by all invocations of one wrapped handler.
type instrument struct {
	config
	guard
	tracker safeTracker // shadows the config's
	tracers tracers
	aliases aliases
	init    initialization
	exit    exitNotice
}

// newInstrument attaches the tracker.
func newInstrument(c config) *instrument {
	in := &instrument{config: c}
	in.tracers.scope = []trace.TracerOption{
		trace.WithInstrumentationVersion(version.Version), trace.WithSchemaURL(semconv.SchemaURL),
	}
	in.tracker = safeTracker{&in.guard, c.tracker}
	in.init.begin(&in.config)
	in.exit.shared = in.init.kind == managedInstances
	in.tracker.Attach()
	in.init.ended = time.Now()
	return in
}

// begin fills inv, which is zero, starts the invocation's span and tells the tracker. It returns the context for the
// user's function, which has the span. The invocation keeps ctx itself.
func (in *instrument) begin(inv *invocation, ctx context.Context, read func() trigger.Cause) context.Context { //nolint:revive // inv is what ctx is of
	var arn string
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.requestID, arn = lc.AwsRequestID, lc.InvokedFunctionArn
	}
	inv.instrument, inv.ctx, inv.span, inv.exitAtBegin = in, ctx, noSpan, in.exit.snapshot()
	inv.deadline, _ = ctx.Deadline()
	spanCtx, root := ctx, trace.SpanID{}
	how := in.init.arrive()
	in.protect(func() {
		cause := read()
		inv.http = cause.HTTP
		started, span := in.start(inv, &cause, in.aliases.of(arn), how)
		root = span.SpanContext().SpanID()
		spanCtx, inv.span = started, span
		in.traceInit(spanCtx, how)
	})
	in.tracker.Begin(inv.requestID, inv.deadline, root)
	return spanCtx
}

// start starts the invocation's span, which calls the program's propagator, sampler and processors.
func (in *instrument) start(inv *invocation, cause *trigger.Cause, as *alias, how arrival) (context.Context, trace.Span) {
	parent, links := in.parent(inv.ctx, cause)
	options := append(inv.options[:0], spanKind(cause), trace.WithAttributes(inv.startAttributes(cause, as, how)...))
	if len(links) > 0 {
		options = append(options, trace.WithLinks(links...))
	}
	return in.tracer().Start(parent, spanName(cause, as), options...)
}

func (in *instrument) tracer() trace.Tracer {
	return in.tracers.of(in.tracerProvider())
}

// The kinds of an invocation's span.
var (
	serverKind   = trace.WithSpanKind(trace.SpanKindServer)
	consumerKind = trace.WithSpanKind(trace.SpanKindConsumer)
)

// spanKind is consumer for messages, otherwise server (OpenTelemetry FaaS conventions).
func spanKind(cause *trigger.Cause) trace.SpanStartOption {
	if cause.Kind == trace.SpanKindConsumer {
		return consumerKind
	}
	return serverKind
}

// startAttributes adds the attributes of any invocation to those of the cause (OpenTelemetry AWS Lambda conventions, "All
// triggers").
func (inv *invocation) startAttributes(cause *trigger.Cause, as *alias, how arrival) []attribute.KeyValue {
	attrs := how.appendAttributes(slices.Grow(cause.Attributes, trigger.Spare))
	if inv.requestID != "" {
		attrs = append(attrs, semconv.FaaSInvocationID(inv.requestID))
	}
	return append(attrs, as.attributes...)
}

// spanName is the cause's, otherwise the function's name.
func spanName(cause *trigger.Cause, as *alias) string {
	if cause.Name != "" {
		return cause.Name
	}
	if lambdacontext.FunctionName != "" {
		return lambdacontext.FunctionName
	}
	return cmp.Or(as.function, "invocation")
}
