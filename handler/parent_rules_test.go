package handler

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/internal/xrayheader"
)

// w3c returns a message that the n-th span has sent, with a traceparent.
func w3c(n int) trigger.Origin {
	return trigger.Origin{Carrier: propagation.MapCarrier{
		"traceparent": fmt.Sprintf("00-%032x-%016x-01", n, n), "baggage": fmt.Sprintf("sender=%d", n),
	}}
}

// amzn returns a message that the n-th span has sent, with an X-Ray header alone; sampled is the field Sampled, or
// empty.
func amzn(n int, sampled string) trigger.Origin {
	return trigger.Origin{TraceHeader: amznHeader(n, sampled)}
}

func amznHeader(n int, sampled string) string {
	header := fmt.Sprintf("Root=1-%08x-%024x;Parent=%016x", 0, n, n)
	if sampled != "" {
		header += ";Sampled=" + sampled
	}
	return header
}

// number is the n of w3c and amzn; its negative for an unsampled span context, 0 for none.
func number(sc trace.SpanContext) int {
	id := sc.SpanID()
	n := int(id[6])<<8 | int(id[7])
	if !sc.IsSampled() {
		return -n
	}
	return n
}

// like extracts as xray-lambda does: a span context from elsewhere counts if there is none yet.
type like struct{ propagation.TextMapPropagator }

func (l like) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return l.TextMapPropagator.Extract(ctx, c)
	}
	h, _ := xrayheader.Parse(xrayheader.OfInvocation(ctx))
	return trace.ContextWithRemoteSpanContext(ctx, h.SpanContext())
}

func rules(opts ...Option) *instrument {
	w3c := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	return &instrument{config: newConfig(append([]Option{WithPropagator(w3c)}, opts...))}
}

func TestParentRules(t *testing.T) {
	batch := func(messages ...trigger.Origin) trigger.Cause {
		return trigger.Cause{Messages: messages, Batch: len(messages)}
	}
	request := func(o trigger.Origin) trigger.Cause { return trigger.Cause{Caller: o} }
	both := w3c(1)
	both.TraceHeader = amznHeader(2, "1")
	xrayLambda := WithPropagator(like{propagation.TraceContext{}})
	tests := []struct {
		name    string
		cause   trigger.Cause
		lambda  string // the header of the invocation
		opts    []Option
		parent  int
		links   []int
		baggage string
	}{
		{name: "nothing"},
		{name: "caller", cause: request(both), lambda: amznHeader(9, "1"), parent: 1, baggage: "1"},
		{name: "caller's header", cause: request(amzn(2, "1")), lambda: amznHeader(9, "1"), parent: 2},
		{name: "caller's header, unsampled", cause: request(amzn(2, "0")), lambda: amznHeader(9, "1"), parent: 9, links: []int{-2}},
		{name: "both unsampled", cause: request(amzn(2, "0")), lambda: amznHeader(9, ""), links: []int{-2, -9}},
		{name: "one header twice", cause: request(amzn(2, "0")), lambda: amznHeader(2, "0"), links: []int{-2}},
		{name: "unsampled parent", cause: request(amzn(2, "0")), opts: []Option{WithXRayParent(XRayParentAlways)}, parent: 2},
		{name: "undecided parent", lambda: amznHeader(9, ""), opts: []Option{WithXRayParent(XRayParentAlways)}, parent: 9},
		{name: "X-Ray decides", lambda: amznHeader(9, "0"), opts: []Option{WithXRayParent(XRayParentWithDecision)}, parent: -9},
		{name: "X-Ray does not decide", lambda: amznHeader(9, ""), opts: []Option{WithXRayParent(XRayParentWithDecision)}, links: []int{-9}},
		{name: "the later option", lambda: amznHeader(9, "0"), opts: []Option{WithXRayParent(XRayParentAlways), WithXRayParent(XRayParentWithDecision)}, parent: -9},
		{name: "messages", cause: batch(w3c(1), amzn(2, "0"), both, trigger.Origin{}, w3c(3)), lambda: amznHeader(9, "1"), parent: 9, links: []int{1, -2, 3}},
		{name: "message and an unsampled invocation", cause: batch(w3c(1)), lambda: amznHeader(9, "0"), links: []int{1, -9}},
		{name: "message from the invocation's span", cause: batch(amzn(9, "0")), lambda: amznHeader(9, "0"), links: []int{-9}},
		{name: "malformed", cause: batch(trigger.Origin{TraceHeader: "Root=1"}, trigger.Origin{Carrier: propagation.MapCarrier{"traceparent": "00"}})},
		{name: "message parent", cause: batch(w3c(1)), lambda: amznHeader(9, "1"), opts: []Option{WithMessageParent()}, parent: 1, links: []int{1}, baggage: "1"},
		{name: "message parent by header", cause: batch(amzn(2, "1")), opts: []Option{WithMessageParent()}, parent: 2, links: []int{2}},
		{name: "message parent, unsampled header", cause: batch(amzn(2, "0")), lambda: amznHeader(9, "1"), opts: []Option{WithMessageParent()}, parent: 9, links: []int{-2}},
		{name: "message parent, as if sampled", cause: batch(amzn(2, "0")), opts: []Option{WithMessageParent(), WithXRayParent(XRayParentAlways)}, parent: 2, links: []int{-2}},
		{name: "message parent of two", cause: batch(w3c(1), w3c(2)), opts: []Option{WithMessageParent()}, links: []int{1, 2}},
		{name: "message parent of two, one with a context", cause: trigger.Cause{Messages: []trigger.Origin{w3c(1)}, Batch: 2}, opts: []Option{WithMessageParent()}, links: []int{1}},
		{name: "message parent without one", cause: batch(trigger.Origin{}), lambda: amznHeader(9, "1"), opts: []Option{WithMessageParent()}, parent: 9},
		{name: "propagator of Lambda's header", lambda: amznHeader(9, "0"), opts: []Option{xrayLambda}, parent: -9},
		{name: "it is no message's", cause: batch(w3c(1), trigger.Origin{}), lambda: amznHeader(9, "1"), opts: []Option{xrayLambda, WithMessageParent()}, parent: 9, links: []int{1}},
		{name: "it is not the only message's", cause: batch(trigger.Origin{}), lambda: amznHeader(9, "1"), opts: []Option{xrayLambda, WithMessageParent()}, parent: 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(xrayheader.EnvKey, "")
			in := rules(tt.opts...)
			ctx, links := in.parent(context.WithValue(t.Context(), xrayheader.ContextKey, tt.lambda), &tt.cause) //nolint:staticcheck // aws-lambda-go's key
			sc := trace.SpanContextFromContext(ctx)
			if got := number(sc); got != tt.parent || sc.IsValid() && !sc.IsRemote() {
				t.Errorf("parent %d (%v), want %d", got, sc, tt.parent)
			}
			if got := numbers(links); !slices.Equal(got, tt.links) {
				t.Errorf("links %d, want %d", got, tt.links)
			}
			if got := baggage.FromContext(ctx).Member("sender").Value(); got != tt.baggage {
				t.Errorf("baggage %q, want %q", got, tt.baggage)
			}
		})
	}
}

func numbers(links []trace.Link) []int {
	var ns []int
	for _, l := range links {
		ns = append(ns, number(l.SpanContext))
	}
	return ns
}

// TestManyMessages: each sender is linked to once, in the order of the messages, up to the bound.
func TestManyMessages(t *testing.T) {
	for _, messages := range []int{1, 2, 100, maxLinks - 1, maxLinks, maxLinks + 1, 10000} {
		c := trigger.Cause{Batch: messages}
		var want []int
		for n := 1; n <= messages; n++ {
			c.Messages = append(c.Messages, w3c(n), w3c(1), w3c(n))
			if n <= maxLinks {
				want = append(want, n)
			}
		}
		_, links := rules().parent(t.Context(), &c)
		if got := numbers(links); !slices.Equal(got, want) {
			t.Errorf("%d messages: %d links, want %d", messages, len(got), len(want))
		}
		// One more than a span keeps made it drop the first message's.
		ctx := context.WithValue(t.Context(), xrayheader.ContextKey, amznHeader(20000, "0")) //nolint:staticcheck // aws-lambda-go's key
		_, links = rules().parent(ctx, &c)
		want = append(want[:min(len(want), maxLinks-1)], -20000)
		if got := numbers(links); !slices.Equal(got, want) {
			t.Errorf("%d messages and Lambda: %d links to %d, want %d", messages, len(got), got[len(got)-1], len(want))
		}
	}
}

// TestLinkLimit: a span with a lower limit keeps the last links, that to Lambda's span among them, and counts the others.
func TestLinkLimit(t *testing.T) {
	const messages, limit = 20, 5
	c := trigger.Cause{Batch: messages}
	for n := 1; n <= messages; n++ {
		c.Messages = append(c.Messages, w3c(n))
	}
	ctx := context.WithValue(t.Context(), xrayheader.ContextKey, amznHeader(99, "0")) //nolint:staticcheck // aws-lambda-go's key
	_, links := rules().parent(ctx, &c)
	limits := sdktrace.NewSpanLimits()
	limits.LinkCountLimit = limit
	provider := sdktrace.NewTracerProvider(sdktrace.WithRawSpanLimits(limits))
	_, span := provider.Tracer("test").Start(t.Context(), "a", trace.WithLinks(links...))
	got := span.(sdktrace.ReadOnlySpan)
	var kept []int
	for _, l := range got.Links() {
		kept = append(kept, number(l.SpanContext))
	}
	if want := []int{17, 18, 19, 20, -99}; !slices.Equal(kept, want) || got.DroppedLinks() != messages+1-limit {
		t.Errorf("links %d kept, %d dropped, want %d and %d", kept, got.DroppedLinks(), want, messages+1-limit)
	}
}

// FuzzParent: whatever stands in headers, every link and every parent is a valid remote span context, no link comes
// twice, and only an option makes an unsampled X-Ray header a parent.
func FuzzParent(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", amznHeader(1, "0"), amznHeader(2, "1"), byte(0))
	f.Add("00-", amznHeader(1, "1")+";Lineage=1:a:0", "Root=1-x;Sampled=1", byte(1))
	f.Add("", "Self=1;"+amznHeader(1, "?"), amznHeader(1, "0"), byte(7))
	f.Fuzz(func(t *testing.T, traceparent, header, lambda string, options byte) {
		var opts []Option
		for i, o := range []Option{WithMessageParent(), WithXRayParent(XRayParentAlways), WithXRayParent(XRayParentWithDecision)} {
			if options>>i&1 == 1 {
				opts = append(opts, o)
			}
		}
		o := trigger.Origin{Carrier: propagation.MapCarrier{"traceparent": traceparent}, TraceHeader: header}
		ctx := context.WithValue(t.Context(), xrayheader.ContextKey, lambda) //nolint:staticcheck // aws-lambda-go's key
		for _, c := range []trigger.Cause{{Caller: o}, {Messages: []trigger.Origin{o, {TraceHeader: lambda}, o}, Batch: 3}, {Messages: []trigger.Origin{o}, Batch: 1}} {
			parent, links := rules(opts...).parent(ctx, &c)
			sc := trace.SpanContextFromContext(parent)
			if sc.IsValid() && (!sc.IsRemote() || sc.Equal(elsewhere)) {
				t.Errorf("parent %v", sc)
			}
			if id := sc.TraceID(); sc.IsValid() && !sc.IsSampled() && options>>2&1 == 0 && !strings.Contains(strings.ToLower(traceparent), hex.EncodeToString(id[:])) {
				t.Errorf("unsampled parent %v of %q, %q", sc, header, lambda)
			}
			seen := map[string]bool{}
			for _, l := range links {
				id := l.SpanContext.TraceID().String() + l.SpanContext.SpanID().String()
				if !l.SpanContext.IsValid() || !l.SpanContext.IsRemote() || seen[id] {
					t.Errorf("link to %v", l.SpanContext)
				}
				seen[id] = true
			}
		}
	})
}

// BenchmarkParent is what parent and links of an invocation cost.
func BenchmarkParent(b *testing.B) {
	lambda := context.WithValue(b.Context(), xrayheader.ContextKey, amznHeader(9, "0")) //nolint:staticcheck // aws-lambda-go's key
	request := trigger.Cause{Caller: w3c(1)}
	causes := map[string]*trigger.Cause{"nothing": {}, "request": &request}
	for _, n := range []int{1, 10, 100, 10000} {
		c := &trigger.Cause{Batch: n}
		for i := range n {
			c.Messages = append(c.Messages, w3c(i+1))
		}
		causes[fmt.Sprintf("messages=%d", n)] = c
	}
	in := rules()
	for name, c := range causes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in.parent(lambda, c)
			}
		})
	}
}
