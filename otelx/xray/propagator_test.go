package xray_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx/xray"
)

const (
	name       = "X-Amzn-Trace-Id"
	contextKey = "x-amzn-trace-id"
	environKey = "_X_AMZN_TRACE_ID"

	callerAlone  = "Root=1-5759e988-bd862e3fe1be46a994272793"
	callerRoot   = callerAlone + ";Parent=" + callerSpan
	callerTrace  = "5759e988bd862e3fe1be46a994272793"
	callerSpan   = "53995c3f42cd8ad8"
	lambdaAlone  = "Root=1-00000002-000000000000000000000002"
	lambdaRoot   = lambdaAlone + ";Parent=" + lambdaSpan
	lambdaTrace  = "00000002000000000000000000000002"
	lambdaSpan   = "0000000000000002"
	someLineage  = "a87bd80c:1|68fd508a:5"
	otherLineage = "1:c512fbe3:0"
)

// invocation returns a context as aws-lambda-go makes it.
func invocation(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, contextKey, header) //nolint:staticcheck // aws-lambda-go's key
}

func carrier(header string) propagation.TextMapCarrier {
	return propagation.HeaderCarrier(http.Header{name: {header}})
}

// ids returns the ids of the span context in ctx, and - for an unsampled one; empty for none.
func ids(ctx context.Context, t *testing.T) string {
	t.Helper()
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	if !sc.IsRemote() {
		t.Errorf("%v is not remote", sc)
	}
	s := sc.TraceID().String() + " " + sc.SpanID().String()
	if !sc.IsSampled() {
		s += " -"
	}
	return s
}

func TestExtract(t *testing.T) {
	for header, want := range map[string]string{
		callerRoot + ";Sampled=1":  callerTrace + " " + callerSpan,
		"Sampled=1;" + callerRoot:  callerTrace + " " + callerSpan,
		callerRoot + ";Sampled=0":  callerTrace + " " + callerSpan + " -",
		callerRoot + ";Sampled=?":  callerTrace + " " + callerSpan + " -",
		callerRoot:                 callerTrace + " " + callerSpan + " -",
		callerAlone + ";Sampled=1": "", // as a load balancer adds it
		callerRoot + "0;Sampled=1": "",
		"":                         "",
	} {
		if got := ids(xray.Propagator{}.Extract(t.Context(), carrier(header)), t); got != want {
			t.Errorf("%q gives %q, want %q", header, got, want)
		}
	}
}

// TestExtractKeeps: a carrier without a value keeps the context's.
func TestExtractKeeps(t *testing.T) {
	ctx := xray.Propagator{}.Extract(t.Context(), carrier(callerRoot+";Sampled=1"))
	if got := (xray.Propagator{}).Extract(ctx, carrier("Root=1-x")); got != ctx {
		t.Errorf("a malformed header changes the context to %v", got)
	}
}

func TestInject(t *testing.T) {
	for header, want := range map[string]string{
		callerRoot + ";Sampled=1": callerRoot + ";Sampled=1",
		callerRoot + ";Sampled=0": callerRoot + ";Sampled=0",
		callerRoot:                callerRoot + ";Sampled=0",
		callerRoot + ";Sampled=1;Self=1;Lineage=" + someLineage: callerRoot + ";Sampled=1;Lineage=" + someLineage,
		"": "",
	} {
		out := http.Header{}
		xray.Propagator{}.Inject(xray.Propagator{}.Extract(t.Context(), carrier(header)), propagation.HeaderCarrier(out))
		if got := out.Get(name); got != want {
			t.Errorf("%q goes on as %q, want %q", header, got, want)
		}
		if want == "" && len(out) != 0 {
			t.Errorf("%q leaves the headers %v", header, out)
		}
	}
}

// TestLineage: it goes on whatever the trace, Lambda's before the caller's, and never breaks a request.
func TestLineage(t *testing.T) {
	tests := []struct{ caller, lambda, want string }{
		{caller: someLineage, want: someLineage},
		{lambda: otherLineage, want: otherLineage},
		{caller: someLineage, lambda: otherLineage, want: otherLineage},
		{caller: "a:1\r\nX-Admin: 1"},
		{caller: "a b"},
		{caller: "ä"},
		{caller: strings.Repeat("a", 300)},
		{caller: someLineage, lambda: "\x00", want: someLineage},
	}
	for _, tt := range tests {
		ctx := invocation(t.Context(), lambdaRoot+";Sampled=0;Lineage="+tt.lambda)
		ctx = xray.Propagator{}.Extract(ctx, carrier(callerRoot+";Sampled=1;Lineage="+tt.caller))
		out := propagation.MapCarrier{}
		xray.Propagator{}.Inject(ctx, out)
		want := callerRoot + ";Sampled=1"
		if tt.want != "" {
			want += ";Lineage=" + tt.want
		}
		if out[name] != want {
			t.Errorf("caller's %q, Lambda's %q: injected %q, want %q", tt.caller, tt.lambda, out[name], want)
		}
	}
}

func TestFields(t *testing.T) {
	for _, p := range []propagation.TextMapPropagator{xray.Propagator{}, xray.LambdaPropagator{}} {
		if got := p.Fields(); !slices.Equal(got, []string{name}) {
			t.Errorf("%T has fields %q", p, got)
		}
	}
}

// FuzzExtract: nothing panics, and an extracted span context is injected as a valid header that gives the same span context.
func FuzzExtract(f *testing.F) {
	f.Add(callerRoot+";Sampled=1;Lineage="+someLineage, lambdaRoot+";Sampled=0")
	f.Add("Root=1-00000001-000000000000000000000001;Sampled=1", "")
	f.Add(callerRoot+";Lineage=\r\n", "Root=;Lineage=1:a:0")
	f.Fuzz(func(t *testing.T, caller, lambda string) {
		t.Setenv(environKey, "")
		for _, p := range []propagation.TextMapPropagator{xray.Propagator{}, xray.LambdaPropagator{}} {
			ctx := p.Extract(invocation(t.Context(), lambda), propagation.MapCarrier{name: caller})
			out := propagation.MapCarrier{}
			p.Inject(ctx, out)
			sc := trace.SpanContextFromContext(ctx)
			if header, ok := out[name]; ok != sc.IsValid() || strings.ContainsFunc(header, unprintable) || len(header) > 512 {
				t.Errorf("%T: %v injected as %q", p, sc, header)
			}
			back := xray.Propagator{}.Extract(t.Context(), out)
			if got := trace.SpanContextFromContext(back); !got.Equal(sc) {
				t.Errorf("%T: %v comes back as %v", p, sc, got)
			}
		}
	})
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func BenchmarkPropagator(b *testing.B) {
	in, out := propagation.MapCarrier{name: callerRoot + ";Sampled=1;Lineage=" + someLineage}, propagation.MapCarrier{}
	b.ReportAllocs()
	for b.Loop() {
		xray.Propagator{}.Inject(xray.Propagator{}.Extract(b.Context(), in), out)
	}
}
