package handler

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/requestid"
	"github.com/epilogue-go/epilogue/internal/version"
)

// scopeName is the instrumentation scope of the invocations' spans.
const scopeName = version.HandlerScope

// instrument is shared by all invocations of one wrapped handler.
type instrument struct {
	config
	guard
	scope  []trace.TracerOption
	init   initialization
	exit   exitNotice
	limits textLimit

	exceptions exceptionSignal
	metrics    *metrics
	streams    bool // the function returns a reader, so an http.Handler in it runs in a goroutine of its own
}

// newInstrument attaches the tracker.
func newInstrument(c config) *instrument {
	in := &instrument{config: c, scope: []trace.TracerOption{
		trace.WithInstrumentationVersion(version.Version), trace.WithSchemaURL(semconv.SchemaURL),
	}}
	in.init.begin(&in.config)
	in.limits = textLimitOf(otelenv.New(c.process.Getenv)) // otelx reports a bad value
	in.exceptions = exceptionSignalOf(c.process.Getenv)
	in.exit.shared = in.init.kind == managedInstances
	in.attach()
	in.init.ended = time.Now()
	return in
}

// attach gives the tracker and the meter provider their calls at the start.
func (in *instrument) attach() {
	in.metrics, _ = newMetrics(noop.NewMeterProvider())
	in.protect(func() {
		m, err := newMetrics(in.meterProvider)
		if in.metrics = m; err != nil {
			report(fmt.Errorf("epilogue: metrics of the function: %w", err))
		}
	})
	in.protect(in.tracker.Attach)
	if r, ok := in.tracker.(TimeoutReporter); ok {
		in.protect(func() { r.NotifyTimeout(in.timeOut) })
	}
}

// begin fills inv, which is zero, starts the invocation's span and calls the tracker's Begin. It returns the context
// for the user's function, which has the span and inv. The invocation keeps ctx itself.
//
//nolint:revive // inv is what ctx is of
func (in *instrument) begin(
	inv *invocation, ctx context.Context, read func() trigger.Cause, event func() any,
) context.Context {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		lc = &lambdacontext.LambdaContext{}
	}
	inv.instrument, inv.ctx, inv.span, inv.requestID = in, ctx, noSpan, lc.AwsRequestID
	inv.began = time.Now()
	inv.deadline, _ = ctx.Deadline()
	spanCtx, root := ctx, trace.SpanID{}
	how, faasTrigger := in.init.arrive(), semconv.FaaSTriggerOther
	in.protect(func() {
		cause := read()
		faasTrigger = triggerOf(cause.Attributes)
		inv.http, inv.source, inv.spanName = cause.HTTP, cause.Source, cause.Name
		started, span := in.start(ctx, &cause, event, lc, how)
		root = span.SpanContext().SpanID()
		spanCtx, inv.span = started, span
		in.traceInit(spanCtx, how)
	})
	in.protect(func() { in.metrics.begin(inv, how, faasTrigger) }) // also if tracing has failed
	in.protect(func() { in.tracker.Begin(inv.requestID, inv.deadline, root) })
	return context.WithValue(requestid.With(spanCtx, inv.requestID), invocationKey{}, inv)
}

// start starts the invocation's span, which calls the program's propagator, sampler and processors.
func (in *instrument) start(
	ctx context.Context, cause *trigger.Cause, event func() any, lc *lambdacontext.LambdaContext, how arrival,
) (context.Context, trace.Span) {
	attrs := how.appendAttributes(cause.Attributes)
	if lc.AwsRequestID != "" {
		attrs = append(attrs, semconv.FaaSInvocationID(lc.AwsRequestID))
	}
	attrs, function := appendFunction(attrs, lc.InvokedFunctionArn)
	name := cmp.Or(cause.Name, lambdacontext.FunctionName, function, "invocation")
	parent, links := in.parent(ctx, cause, event)
	return in.tracer().Start(parent, name,
		trace.WithAttributes(attrs...), trace.WithSpanKind(cause.Kind), trace.WithLinks(links...))
}

func (in *instrument) tracer() trace.Tracer {
	return in.tracerProvider().Tracer(scopeName, in.scope...)
}

// appendFunction adds the attributes of the function (OpenTelemetry AWS Lambda conventions, "All triggers") and returns
// its name. The ARN is the one by which it was invoked, arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER] (AWS
// Lambda Developer Guide, "Lambda ARN format"). In cloud.resource_id the version that runs replaces the qualifier,
// which may be one of several aliases; without a version it is left out (OpenTelemetry resource conventions).
func appendFunction(attrs []attribute.KeyValue, arn string) (_ []attribute.KeyValue, name string) {
	if arn == "" {
		return attrs, ""
	}
	attrs = append(attrs, semconv.AWSLambdaInvokedARN(arn))
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 7 || parts[4] == "" || parts[6] == "" {
		return attrs, ""
	}
	resource := arn
	if len(parts) == 8 {
		resource = strings.TrimSuffix(arn, ":"+parts[7])
		if version := lambdacontext.FunctionVersion; version != "" {
			resource += ":" + version
		}
	}
	return append(attrs, semconv.CloudAccountID(parts[4]), semconv.CloudResourceID(resource)), parts[6]
}
