package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
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
	maxLinks    = 128
)

var w3cAndBaggage = handler.WithPropagator(
	propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))

type eventFunc = func(context.Context, events.APIGatewayProxyRequest) (io.Reader, error)

func callV1(ctx context.Context, fn any, event events.APIGatewayProxyRequest) {
	_, _ = fn.(eventFunc)(ctx, event)
}

// withXRay returns a context with an X-Ray header as aws-lambda-go makes it.
func withXRay(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, contextXRay, header) //nolint:staticcheck // aws-lambda-go's key
}

func TestUserContextHasSpanBaggageAndOriginalValues(t *testing.T) {
	j := newRecorder()
	var seen context.Context
	fn := handler.Wrap(func(ctx context.Context, _ events.APIGatewayProxyRequest) { seen = ctx },
		append(j.options(true), w3cAndBaggage)...)
	ctx, cancel := invocationContext(t)
	defer cancel()
	headers := map[string]string{"traceparent": traceparent, "baggage": "user=17"}
	event := events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: headers}
	callV1(context.WithValue(ctx, contextKey{}, "v"), fn, event)
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

// TestLocalSpanIsTheParentOfLastResort has a span in the base context, such as one of the initialization.
func TestLocalSpanIsTheParentOfLastResort(t *testing.T) {
	provider := sdktrace.NewTracerProvider()
	base, local := provider.Tracer("test").Start(t.Context(), "init")
	for header, want := range map[string]string{lambdaSampled: xrayParent, "": local.SpanContext().SpanID().String()} {
		j := newRecorder()
		fn := handler.Wrap(func(events.APIGatewayProxyRequest) {}, j.options(true)...)
		callV1(withXRay(base, header), fn, events.APIGatewayProxyRequest{HTTPMethod: "GET"})
		if got := j.span(t).Parent().SpanID().String(); got != want {
			t.Errorf("header %q: parent %s, want %s", header, got, want)
		}
	}
}

func TestGlobalsOfTheMomentAreTheDefaults(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	defer otel.SetTracerProvider(provider)
	defer otel.SetTextMapPropagator(propagator)
	fn := handler.Wrap(func(events.APIGatewayProxyRequest) {}, nil, handler.WithTracker(nil),
		handler.WithTracerProvider(nil), handler.WithPropagator(nil))
	event := events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: map[string]string{"traceparent": traceparent}}
	for range 2 {
		j := newRecorder()
		otel.SetTracerProvider(j.provider())
		otel.SetTextMapPropagator(propagation.TraceContext{})
		callV1(t.Context(), fn, event)
		if p := j.span(t).Parent(); p.SpanID().String() != w3cParent {
			t.Errorf("parent %v, want %s", p, w3cParent)
		}
		otel.SetTextMapPropagator(propagation.Baggage{})
	}
}

// sent is an SQS message that the n-th span has sent.
func sent(n int) string { return sqsW3C(fmt.Sprintf("00-%032x-%016x-01", n, n), "") }

// numbers returns the n of the spans that links name.
func numbers(links []sdktrace.Link) (ns []int) {
	for _, l := range links {
		id := l.SpanContext.SpanID()
		ns = append(ns, int(id[6])<<8|int(id[7]))
	}
	return ns
}

// spanOf returns the span of an invocation with a batch of messages.
func spanOf(t *testing.T, lambdaHeader string, messages []string, opts ...handler.Option) sdktrace.ReadOnlySpan {
	t.Helper()
	j := newRecorder()
	fn := handler.Wrap(func(json.RawMessage) {}, append(append(j.options(true), w3cAndBaggage), opts...)...)
	payload := `{"Records":[` + strings.Join(messages, ",") + `]}`
	if _, err := lambda.NewHandler(fn).Invoke(withXRay(t.Context(), lambdaHeader), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	return j.span(t)
}

func TestEachSenderIsLinkedOnceUpToTheBound(t *testing.T) {
	const lambdaNumber = 20000
	lambdaHeader := fmt.Sprintf("Root=1-%08x-%024x;Parent=%016x;Sampled=0", 0, lambdaNumber, lambdaNumber)
	for _, senders := range []int{1, 2, maxLinks - 1, maxLinks, maxLinks + 1, 1000} {
		var messages []string
		var want []int
		for n := 1; n <= senders; n++ {
			messages = append(messages, sent(n))
			if senders < 100 {
				messages = append(messages, sent(1), sent(n))
			}
			if n <= maxLinks {
				want = append(want, n)
			}
		}
		if got := numbers(spanOf(t, "", messages).Links()); !slices.Equal(got, want) {
			t.Errorf("%d senders: links %d, want %d", senders, got, want)
		}
		want = append(want[:min(len(want), maxLinks-1)], lambdaNumber)
		if got := numbers(spanOf(t, lambdaHeader, messages).Links()); !slices.Equal(got, want) {
			t.Errorf("%d senders and Lambda: links %d, want %d", senders, got, want)
		}
	}
}

func TestLinkToOneSpanComesOnce(t *testing.T) {
	span := spanOf(t, xrayRoot+";Sampled=0", []string{sqsXRay(xrayRoot + ";Sampled=0")})
	if len(span.Links()) != 1 || span.Parent().IsValid() {
		t.Errorf("parent %v, links %v, want one link", span.Parent(), span.Links())
	}
}

// TestConcurrentInvocationsKeepTheirOwnParents has 64 invocations at once, as on Lambda Managed Instances. Each has the
// parent that its own context names, and its own span in the function's context, whatever the environment variable says.
func TestConcurrentInvocationsKeepTheirOwnParents(t *testing.T) {
	const crowd, rounds = 64, 5
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", "64")
	t.Setenv(environXRay, lambdaSampled)
	for _, propagators := range []string{"", "tracecontext,baggage,xray-lambda"} {
		j := newRecorder()
		var inside sync.WaitGroup // all of a round are in the function before any returns
		h := lambda.NewHandler(handler.Wrap(func(ctx context.Context, _ int) (string, error) {
			inside.Done()
			inside.Wait()
			return trace.SpanContextFromContext(ctx).TraceID().String(), nil
		}, handler.WithTracerProvider(j.provider()), handler.WithPropagator(propagatorsNamed(t, propagators))))
		for round := range rounds {
			inside.Add(crowd)
			var done sync.WaitGroup
			for i := range crowd {
				done.Go(func() {
					n := round*crowd + i + 1
					ctx := withXRay(t.Context(), fmt.Sprintf("Root=1-00000000-%024x;Parent=%016x;Sampled=1", n, n))
					out, err := h.Invoke(ctx, fmt.Append(nil, n))
					if want := fmt.Sprintf(`"%032x"`, n); err != nil || string(out) != want {
						t.Errorf("invocation %d is in trace %s, %v, want %s", n, out, err, want)
					}
				})
			}
			done.Wait()
		}
		if len(j.spans) != crowd*rounds {
			t.Errorf("%d spans, want %d", len(j.spans), crowd*rounds)
		}
		for _, s := range j.spans {
			if p := s.Parent(); p.TraceID().String()[16:] != p.SpanID().String() || p.TraceID() != s.SpanContext().TraceID() {
				t.Errorf("%v has the parent %v", s.SpanContext(), p)
			}
		}
	}
}
