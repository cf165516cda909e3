package handler_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

const (
	xrayRoot     = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"
	xrayTrace    = "5759e988bd862e3fe1be46a994272793"
	xrayParent   = "53995c3f42cd8ad8"
	w3cTrace     = "4bf92f3577b34da6a3ce929d0e0e4736"
	w3cParent    = "00f067aa0ba902b7"
	traceparent  = "00-" + w3cTrace + "-" + w3cParent + "-01"
	contextXRay  = "x-amzn-trace-id"
	environXRay  = "_X_AMZN_TRACE_ID"
	otherHeaders = "Root=1-00000001-000000000000000000000001;Parent=0000000000000001;Sampled=1"
)

func TestParent(t *testing.T) {
	tests := []struct {
		name             string
		headers          map[string]string
		multi            map[string][]string
		context, environ string
		parent, link     string // trace id and span id
	}{
		{name: "nothing"},
		{name: "w3c", headers: map[string]string{"traceparent": traceparent}, context: otherHeaders, parent: w3cTrace + w3cParent},
		{name: "w3c in another case", headers: map[string]string{"Traceparent": traceparent}, parent: w3cTrace + w3cParent},
		{name: "w3c in a list", multi: map[string][]string{"traceparent": {traceparent}}, parent: w3cTrace + w3cParent},
		{name: "malformed w3c", headers: map[string]string{"traceparent": "00-1"}, context: xrayRoot + ";Sampled=1", parent: xrayTrace + xrayParent},
		{name: "x-ray", context: xrayRoot + ";Sampled=1", environ: otherHeaders, parent: xrayTrace + xrayParent},
		{name: "x-ray of the environment", environ: xrayRoot + ";Sampled=1", parent: xrayTrace + xrayParent},
		{name: "pass-through", context: xrayRoot + ";Sampled=0;Lineage=1:a:0", link: xrayTrace + xrayParent},
		{name: "undecided", context: xrayRoot, link: xrayTrace + xrayParent},
		{name: "no parent", context: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"},
		{name: "malformed x-ray", context: "Root=1-x;Sampled=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(environXRay, tt.environ)
			j := newJournal()
			fn := handler.Wrap(func(events.APIGatewayProxyRequest) {}, append(j.options(true),
				handler.WithPropagators(propagation.TraceContext{}))...)
			ctx := context.WithValue(t.Context(), contextXRay, tt.context) //nolint:staticcheck // aws-lambda-go's key
			callV1(ctx, fn, events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: tt.headers, MultiValueHeaders: tt.multi})
			wantParent(t, j.span(t), tt.parent, tt.link)
		})
	}
}

type eventFunc = func(context.Context, events.APIGatewayProxyRequest) (io.Reader, error)

func callV1(ctx context.Context, fn any, event events.APIGatewayProxyRequest) {
	_, _ = fn.(eventFunc)(ctx, event)
}

func wantParent(t *testing.T, s sdktrace.ReadOnlySpan, parent, link string) {
	t.Helper()
	got := ""
	if p := s.Parent(); p.IsValid() {
		got = p.TraceID().String() + p.SpanID().String()
		if !p.IsRemote() || s.SpanContext().TraceID() != p.TraceID() {
			t.Errorf("parent %v of %v", p, s.SpanContext())
		}
	}
	gotLink := ""
	if links := s.Links(); len(links) == 1 {
		gotLink = links[0].SpanContext.TraceID().String() + links[0].SpanContext.SpanID().String()
	} else if len(links) > 1 {
		t.Errorf("%d links", len(links))
	}
	if got != parent || gotLink != link {
		t.Errorf("parent %q, link %q, want %q and %q", got, gotLink, parent, link)
	}
}

// TestParallelIgnoresEnvironment: where several invocations run at once, the environment's header is another one's.
// aws-lambda-go reads the concurrency when the process starts, so this takes a process.
func TestParallelIgnoresEnvironment(t *testing.T) {
	if os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestParallelIgnoresEnvironment$")
		cmd.Env = append(os.Environ(), "AWS_LAMBDA_MAX_CONCURRENCY=2", environXRay+"="+xrayRoot+";Sampled=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	j := newJournal()
	_, _ = handler.Wrap(func() {}, j.options(true)...).(readerFunc)(t.Context())
	wantParent(t, j.span(t), "", "")
}

// TestUserContext: the user's function gets the span, the baggage, and what aws-lambda-go's context holds.
func TestUserContext(t *testing.T) {
	j := newJournal()
	var seen context.Context
	fn := handler.Wrap(func(ctx context.Context, _ events.APIGatewayProxyRequest) { seen = ctx }, append(j.options(true),
		handler.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})))...)
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

// TestLocalSpan: a span of the base context, such as one of the initialisation, is the parent only where the
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
		handler.WithTracerProvider(nil), handler.WithPropagators(nil))
	j := newJournal()
	otel.SetTracerProvider(j.provider())
	otel.SetTextMapPropagator(propagation.TraceContext{})
	callV1(t.Context(), fn, events.APIGatewayProxyRequest{HTTPMethod: "GET", Headers: map[string]string{"traceparent": traceparent}})
	wantParent(t, j.span(t), w3cTrace+w3cParent, "")
}
