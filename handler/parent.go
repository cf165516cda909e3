package handler

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// parent returns ctx with the remote parent of the invocation's span, where there is one:
//
//   - the one that the propagators find in an HTTP event's headers, with the baggage they find;
//   - else the one of the X-Ray header, if that says Sampled=1.
//
// An X-Ray header that is unsampled or undecided gives no parent but a link. In PassThrough mode Lambda makes up
// Sampled=0 for every invocation: as a parent it would silence the trace under the usual parent-based sampler, and
// it names a span that nobody records. The link keeps the way to it; the sampler decides as for a root.
func (in *instrument) parent(ctx context.Context, cause *trigger.Cause) (context.Context, trace.Link) {
	if cause.HTTP && cause.Caller.Carrier != nil {
		ctx = in.propagators().Extract(ctx, cause.Caller.Carrier)
		if sc := trace.SpanContextFromContext(ctx); sc.IsValid() && sc.IsRemote() {
			return ctx, trace.Link{}
		}
	}
	header := traceHeader(ctx)
	if header == "" {
		return ctx, trace.Link{}
	}
	h, err := xrayheader.Parse(header)
	if err != nil || !h.Parent.IsValid() { // malformed, or a trace without a span to be the child of
		return ctx, trace.Link{}
	}
	if h.Sampling == xrayheader.Sampled {
		return trace.ContextWithRemoteSpanContext(ctx, h.SpanContext()), trace.Link{}
	}
	return ctx, trace.Link{SpanContext: h.SpanContext()}
}

// traceHeader returns the invocation's X-Ray header: aws-lambda-go keeps it in the context, which is right also
// where several invocations run at once; the environment variable is right only where one does.
func traceHeader(ctx context.Context) string {
	if s, _ := ctx.Value(xrayheader.ContextKey).(string); s != "" {
		return s
	}
	if lambdacontext.MaxConcurrency() == 1 {
		return os.Getenv(xrayheader.EnvKey)
	}
	return ""
}
