package otelx

import (
	"context"
	"os"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const (
	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default. Below leastRequestBytes most spans would need
	// a request each. Hardly any backend accepts mostRequestBytes.
	defaultRequestBytes = 4 << 20
	leastRequestBytes   = 16 << 10
	mostRequestBytes    = 64 << 20

	// maxRequests is how many requests are under way at once by default.
	maxRequests = 32
)

// destination is where spans go: a sender of encoded requests, or a custom exporter. The zero value is nowhere.
type destination struct {
	sender   delivery.Sender
	exporter delivery.ItemSender[sdktrace.ReadOnlySpan]
	kind     any // the custom exporter or Sender; nil: OTLP over HTTP
}

// resolveDestination returns the destination of the options, else the environment's, else the fallback's.
func (c *config) resolveDestination(env *otelenv.Reader) destination {
	if c.chosen.exporter != nil {
		return custom(c.chosen.exporter)
	}
	kind := exporterKind(env)
	switch {
	case c.sendsOTLP():
		if s := c.resolveSender(env); s != nil {
			return destination{sender: customSender{s, c.resolveLimits()}, kind: s}
		}
		return destination{sender: c.newHTTPSender(env)}
	case kind == "none":
		return destination{}
	case kind == "console":
		return custom(&consoleExporter{w: os.Stdout})
	}
	return custom(c.fallback.exporter)
}

// exporterKind reads OTEL_TRACES_EXPORTER; empty if it is unset or bad.
func exporterKind(env *otelenv.Reader) string {
	return env.Choice([]string{"otlp", "console", "none"}, "", "OTEL_TRACES_EXPORTER")
}

func custom(x sdktrace.SpanExporter) destination {
	return destination{exporter: customExporter{x}, kind: x}
}

// customExporter adapts a span exporter of the program.
type customExporter struct{ exporter sdktrace.SpanExporter }

func (x customExporter) SendItems(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return x.exporter.ExportSpans(ctx, spans)
}

func (x customExporter) Close(ctx context.Context) error { return x.exporter.Shutdown(ctx) }

// customSender adapts a Sender of the program.
type customSender struct {
	sender Sender
	limits Limits
}

func (s customSender) Limits() delivery.Limits { return s.limits.engineLimits() }

func (s customSender) Close() error { return s.sender.Close() }

func (s customSender) Send(ctx context.Context, _ delivery.Signal, body []byte) (delivery.Result, error) {
	res, err := s.sender.Send(ctx, body)
	out := delivery.Result{Rejected: res.Rejected, Message: res.Message, RetryAfter: res.RetryAfter}
	switch {
	case err == nil:
		out.Outcome, out.Answered = delivery.Accepted, true
	case res.RetryNextFlush:
		out.Outcome = delivery.RetryNextFlush
	case res.Retryable, ctx.Err() != nil:
		out.Outcome = delivery.Retryable
	case res.TooLarge:
		out.Outcome, out.Answered = delivery.TooLarge, true
	default:
		out.Outcome, out.Answered = delivery.Refused, true
	}
	return out, err
}
