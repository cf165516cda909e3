package handler_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// row is a row of docs/propagation.md's tables of events.
type row struct{ event, place, propagators, option, parent, links string }

// name is the name of the row's test.
func (r *row) name() string {
	return strings.TrimRight(strings.Join([]string{r.event + ": " + r.place, r.propagators, r.option}, ", "), ", ")
}

// situation is an invocation: the event, as its source sends it, and the headers of Lambda.
type situation struct {
	functions   []any // by the types that users give the event
	payload     string
	lambda      string // the X-Ray header in aws-lambda-go's context
	environ     string // _X_AMZN_TRACE_ID
	concurrency string
}

// documented returns the rows of the page.
func documented(t *testing.T) (rows []row) {
	t.Helper()
	page, err := os.ReadFile("../docs/propagation.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if len(cells) != 8 || strings.Contains(line, "---") || strings.TrimSpace(cells[1]) == "event" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, row{cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]})
	}
	return rows
}

// TestPropagation runs each row of docs/propagation.md.
func TestPropagation(t *testing.T) {
	seen, used := map[string]bool{}, map[string]bool{}
	for _, r := range documented(t) {
		if seen[r.name()] {
			t.Errorf("docs/propagation.md has two rows %q", r.name())
		}
		seen[r.name()] = true
		t.Run(r.name(), func(t *testing.T) {
			s := situationOf(t, r.event, r.place, used)
			for _, fn := range s.functions {
				r.check(t, s.invoke(t, fn, &r))
			}
		})
	}
	for _, part := range slices.Concat(slices.Collect(maps.Keys(carried)), slices.Collect(maps.Keys(invoked))) {
		if !used[part] {
			t.Errorf("docs/propagation.md has no row for %q", part)
		}
	}
}

// invoke returns the span of an invocation in the situation, with what the row sets.
func (s *situation) invoke(t *testing.T, fn any, r *row) sdktrace.ReadOnlySpan {
	t.Helper()
	t.Setenv(environXRay, s.environ)
	t.Setenv("AWS_LAMBDA_MAX_CONCURRENCY", s.concurrency)
	j := newRecorder()
	opts := append(j.options(true), handler.WithPropagator(propagatorsNamed(t, r.propagators)))
	for option := range strings.SplitSeq(r.option, ", ") {
		o, ok := parentOptions[option]
		if !ok {
			t.Fatalf("docs/propagation.md names the option %q", option)
		}
		opts = append(opts, o)
	}
	h := lambda.NewHandler(handler.Wrap(fn, opts...))
	if _, err := h.Invoke(withXRay(t.Context(), s.lambda), []byte(s.payload)); err != nil {
		t.Fatal(err)
	}
	return j.span(t)
}

var parentOptions = map[string]handler.Option{
	"":                                       nil,
	"WithMessageParent":                      handler.WithMessageParent(),
	"WithXRayParent(XRayParentAlways)":       handler.WithXRayParent(handler.XRayParentAlways),
	"WithXRayParent(XRayParentWithDecision)": handler.WithXRayParent(handler.XRayParentWithDecision),
}

// propagatorsNamed returns what OTEL_PROPAGATORS=value makes in a function.
func propagatorsNamed(t *testing.T, value string) propagation.TextMapPropagator {
	t.Helper()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	defer otel.SetTracerProvider(provider)
	defer otel.SetTextMapPropagator(propagator)
	env := map[string]string{"OTEL_PROPAGATORS": value, "AWS_LAMBDA_FUNCTION_NAME": "orders"}
	tel, err := otelx.New(t.Context(), awslambda.Defaults(), otelx.WithGetenv(func(key string) string { return env[key] }))
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return otel.GetTextMapPropagator()
}

// who are the spans that the page names: trace id and span id.
var who = map[string][]string{
	"none":         {},
	"the caller":   {w3cTrace + " " + w3cParent},
	"Lambda":       {xrayTrace + " " + xrayParent},
	"the message":  {firstTrace + " " + firstParent},
	"each message": {firstTrace + " " + firstParent, secondTrace + " " + secondParent},
}

func (r *row) check(t *testing.T, s sdktrace.ReadOnlySpan) {
	t.Helper()
	name, unsampled := strings.CutSuffix(r.parent, ", unsampled")
	parent, links := []string{}, []string{}
	if p := s.Parent(); p.IsValid() {
		parent = append(parent, p.TraceID().String()+" "+p.SpanID().String())
		if !p.IsRemote() || p.IsSampled() == unsampled {
			t.Errorf("parent %v, want it remote, unsampled %v", p, unsampled)
		}
	}
	for _, l := range s.Links() {
		links = append(links, l.SpanContext.TraceID().String()+" "+l.SpanContext.SpanID().String())
	}
	wantLinks := []string{}
	for word := range strings.SplitSeq(r.links, ", ") {
		if who[word] == nil {
			t.Fatalf("docs/propagation.md links to %q", word)
		}
		wantLinks = append(wantLinks, who[word]...)
	}
	if who[name] == nil || !slices.Equal(parent, who[name]) || !slices.Equal(links, wantLinks) {
		t.Errorf("parent %q, links %q, want %s %q and %s %q", parent, links, r.parent, who[name], r.links, wantLinks)
	}
}
