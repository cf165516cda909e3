package handler_test

import (
	"context"
	"io"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/otelerr"
)

const (
	xrayRoot    = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"
	xrayTrace   = "5759e988bd862e3fe1be46a994272793"
	xrayParent  = "53995c3f42cd8ad8"
	w3cTrace    = "4bf92f3577b34da6a3ce929d0e0e4736"
	w3cParent   = "00f067aa0ba902b7"
	traceparent = "00-" + w3cTrace + "-" + w3cParent + "-01"
	contextXRay = "x-amzn-trace-id"
	environXRay = "_X_AMZN_TRACE_ID"
)

type eventFunc = func(context.Context, events.APIGatewayProxyRequest) (io.Reader, error)

func callV1(ctx context.Context, fn any, event events.APIGatewayProxyRequest) {
	_, _ = fn.(eventFunc)(ctx, event)
}

// TestUserContext: the user's function gets the span, the baggage, and what aws-lambda-go's context holds.
func TestUserContext(t *testing.T) {
	j := newJournal()
	var seen context.Context
	fn := handler.Wrap(func(ctx context.Context, _ events.APIGatewayProxyRequest) { seen = ctx }, append(j.options(true),
		handler.WithPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})))...)
	ctx, cancel := invocationContext(t)
	defer cancel()
	headers := map[string]string{"traceparent": traceparent, "baggage": "user=17"}
	callV1(context.WithValue(ctx, contextKey{}, "v"), fn, events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: headers})
	if got, want := trace.SpanContextFromContext(seen), j.span(t).SpanContext(); !got.Equal(want) {
		t.Errorf("span context %v, want %v", got, want)
	}
	if got := baggage.FromContext(seen).Member("user").Value(); got != "17" {
		t.Errorf("baggage %q, want 17", got)
	}
	want, _ := ctx.Deadline()
	if got, ok := seen.Deadline(); !ok || !got.Equal(want) || seen.Value(contextKey{}) != "v" {
		t.Errorf("deadline %v, value %v, want %v and v", got, seen.Value(contextKey{}), want)
	}
}

// TestLocalSpan: a span of the base context, such as one of the initialization, is the parent only if the
// invocation brings none; it is not taken for one that came with the event.
func TestLocalSpan(t *testing.T) {
	provider := sdktrace.NewTracerProvider()
	base, local := provider.Tracer("test").Start(t.Context(), "init")
	for header, want := range map[string]trace.SpanID{
		xrayRoot + ";Sampled=1": {0x53, 0x99, 0x5c, 0x3f, 0x42, 0xcd, 0x8a, 0xd8}, "": local.SpanContext().SpanID(),
	} {
		j := newJournal()
		fn := handler.Wrap(func(events.APIGatewayProxyRequest) {}, j.options(true)...)
		ctx := context.WithValue(base, contextXRay, header) //nolint:staticcheck // aws-lambda-go's key
		callV1(ctx, fn, events.APIGatewayProxyRequest{HTTPMethod: "GET"})
		if got := j.span(t).Parent().SpanID(); got != want {
			t.Errorf("header %q: parent %s, want %s", header, got, want)
		}
	}
}

// TestGlobals: without options the globals count, as they are at each invocation.
func TestGlobals(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	defer otel.SetTracerProvider(provider)
	defer otel.SetTextMapPropagator(propagator)
	fn := handler.Wrap(func(events.APIGatewayProxyRequest) {}, nil, handler.WithTracker(nil),
		handler.WithTracerProvider(nil), handler.WithPropagator(nil))
	j := newJournal()
	otel.SetTracerProvider(j.provider())
	otel.SetTextMapPropagator(propagation.TraceContext{})
	callV1(t.Context(), fn, events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: map[string]string{"traceparent": traceparent}})
	if p := j.span(t).Parent(); p.SpanID().String() != w3cParent {
		t.Errorf("parent %v, want %s", p, w3cParent)
	}
}

// TestBrokenPropagator: the propagators are the program's, and asked for every event and every message; one that panics
// costs the span, and not the invocation.
func TestBrokenPropagator(t *testing.T) {
	otelerr.Discard(t)
	for _, name := range []string{"any: nowhere", "SQS, a batch: message attribute traceparent", "HTTP API: header traceparent"} {
		s := situations()[name]
		for _, fn := range s.functions {
			h := lambda.NewHandler(handler.Wrap(fn, handler.WithPropagator(brokenPropagator{})))
			if out, err := h.Invoke(t.Context(), []byte(s.payload)); err != nil || string(out) != "null" {
				t.Errorf("%s: %s, %v", name, out, err)
			}
		}
	}
}
