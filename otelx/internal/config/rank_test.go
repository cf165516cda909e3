package config

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// environment returns a getenv of "KEY=value" words.
func environment(vars ...string) func(string) string {
	return func(key string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, key+"="); ok {
				return value
			}
		}
		return ""
	}
}

type sender struct{}

func (sender) Limits() delivery.Limits { return delivery.Limits{Requests: 1} }
func (sender) Close() error            { return nil }
func (sender) Send(context.Context, delivery.Signal, []byte) (delivery.Result, error) {
	return delivery.Result{}, nil
}

func at(u string) Option { return SetIf(true, func(s *Settings) { s.Traces.URL = u }) }
func exporter() Option {
	return SetIf(true, func(s *Settings) { s.Traces.Exporter = tracetest.NewInMemoryExporter() })
}

// Spans go to the first of: an option, OTEL_TRACES_EXPORTER, the preset's exporter, an endpoint, the preset's sender, the default
// endpoint. An option of FromEndpoint is chosen only if spans go by OTLP.
func TestDestination(t *testing.T) {
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT="
	const traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="
	const standard = "http://localhost:4318/v1/traces"
	for name, c := range map[string]struct {
		vars   []string
		opts   []Option
		want   string // a URL, "exporter", "sender" or "nowhere"
		chosen string // the endpoint that FromEndpoint shows: a URL, "none", or empty if it does not ask
	}{
		"nothing":                      {nil, nil, standard, "none"},
		"variable":                     {[]string{general + "http://c:1"}, nil, "http://c:1/v1/traces", "http://c:1/v1/traces"},
		"variable for traces":          {[]string{general + "http://c:1", traces + "https://t/x"}, nil, "https://t/x", "https://t/x"},
		"a bad one":                    {[]string{general + "c:1"}, nil, standard, "none"},
		"option":                       {[]string{general + "http://c:1"}, []Option{at("http://o/p")}, "http://o/p", "http://o/p"},
		"fallback":                     {nil, []Option{Fallback(at("http://f/p"))}, "http://f/p", "http://f/p"},
		"variable, fallback":           {[]string{general + "http://c:1"}, []Option{Fallback(at("http://f/p"))}, "http://c:1/v1/traces", "http://c:1/v1/traces"},
		"otlp":                         {[]string{"OTEL_TRACES_EXPORTER=otlp"}, nil, standard, "none"},
		"unknown exporter":             {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, nil, standard, "none"},
		"console":                      {[]string{"OTEL_TRACES_EXPORTER=console"}, nil, "exporter", ""},
		"none":                         {[]string{"OTEL_TRACES_EXPORTER=none"}, nil, "nowhere", ""},
		"disabled":                     {[]string{"OTEL_SDK_DISABLED=true"}, nil, "nowhere", ""},
		"an exporter":                  {nil, []Option{exporter()}, "exporter", ""},
		"fallback exporter":            {nil, []Option{Fallback(exporter())}, "exporter", ""},
		"fallback exporter, otlp":      {[]string{"OTEL_TRACES_EXPORTER=otlp"}, []Option{Fallback(exporter())}, standard, "none"},
		"a sender":                     {[]string{general + "http://c:1"}, []Option{WithSender(sender{})}, "sender", ""},
		"a sender, none":               {[]string{"OTEL_TRACES_EXPORTER=none"}, []Option{WithSender(sender{})}, "sender", ""},
		"fallback sender":              {nil, []Option{Fallback(WithSender(sender{}))}, "sender", "none"},
		"fallback sender, endpoint":    {[]string{general + "http://c:1"}, []Option{Fallback(WithSender(sender{}))}, "http://c:1/v1/traces", "http://c:1/v1/traces"},
		"fallback sender, bad one":     {[]string{general + "c:1"}, []Option{Fallback(WithSender(sender{}))}, "sender", "none"},
		"fallback sender, none":        {[]string{"OTEL_TRACES_EXPORTER=none"}, []Option{Fallback(WithSender(sender{}))}, "nowhere", ""},
		"a sender needs no variables":  {[]string{"OTEL_EXPORTER_OTLP_TIMEOUT=x"}, []Option{WithSender(sender{})}, "sender", ""},
		"fallback sender and endpoint": {nil, []Option{Fallback(WithSender(sender{}), at("http://f/p"))}, "sender", "http://f/p"},
	} {
		chosen := ""
		choose := FromEndpoint(otelenv.Traces, func(u *url.URL) Option {
			if chosen != "" {
				t.Errorf("%s: called twice", name)
			}
			if chosen = "none"; u != nil {
				chosen = u.String()
			}
			return nil
		})
		r := Resolve(environment(c.vars...), append([]Option{choose}, c.opts...)) // wherever it stands
		got := "nowhere"
		switch {
		case r.Traces.Exporter != nil:
			got = "exporter"
		case r.Traces.Sender != nil:
			got = "sender"
		case r.Traces.Endpoint != nil:
			got = r.Traces.Endpoint.String()
		}
		if got != c.want || chosen != c.chosen {
			t.Errorf("%s: spans go to %s, FromEndpoint shows %q; want %s, %q", name, got, chosen, c.want, c.chosen)
		}
		if bad := strings.Contains(name, "bad") || strings.Contains(name, "unknown"); bad != (len(r.Errs) == 1) {
			t.Errorf("%s: errors %v", name, r.Errs)
		}
	}
}

// An option of FromEndpoint has the rank of its place, and may be a FromEndpoint itself.
func TestFromEndpointHasItsRank(t *testing.T) {
	queue := func(n int) Option { return SetIf(true, func(s *Settings) { s.Traces.QueueSize = n }) }
	limit := func(n int) func(*url.URL) Option { return func(*url.URL) Option { return queue(n) } }
	nested := func(*url.URL) Option { return FromEndpoint(otelenv.Traces, limit(4)) }
	for i, c := range []struct {
		opts []Option
		want int
	}{
		{[]Option{FromEndpoint(otelenv.Traces, limit(2)), queue(3)}, 2},
		{[]Option{Fallback(FromEndpoint(otelenv.Traces, limit(2))), queue(3)}, 3},
		{[]Option{Fallback(FromEndpoint(otelenv.Traces, limit(2)))}, 2},
		{[]Option{Fallback(FromEndpoint(otelenv.Traces, nested)), Fallback(queue(5))}, 4},
		{[]Option{FromEndpoint(otelenv.Traces, nested), Fallback(queue(5))}, 4},
	} {
		if r := Resolve(environment(), c.opts); r.Traces.QueueSize != c.want {
			t.Errorf("case %d: the queue holds %d spans, want %d", i, r.Traces.QueueSize, c.want)
		}
	}
}

// Each limit is a setting of its own, and bounds the other settings.
func TestLimitsHaveRanks(t *testing.T) {
	r := Resolve(environment("EPILOGUE_MAX_REQUEST_SIZE=60000"), []Option{
		WithSender(sender{}), WithLimits(Limits{RequestBytes: 40_000, RequestItems: 5}), WithLimits(Limits{ItemBytes: 20_000}),
		Fallback(WithLimits(Limits{RequestBytes: 1, RequestItems: 1, ItemBytes: 1, ResourceBytes: 7})),
	})
	if want := (Limits{RequestBytes: 40_000, RequestItems: 5, ItemBytes: 20_000, ResourceBytes: 7}); r.Traces.Limits != want || r.Traces.RequestBytes != 40_000 || r.Traces.BatchSize != 5 {
		t.Errorf("limits %+v, requests of %d bytes and %d spans", r.Traces.Limits, r.Traces.RequestBytes, r.Traces.BatchSize)
	}
}

// Options apply in order, nil ones are skipped, FromEnv reads what WithGetenv gives, and Invalid is an error once.
func TestOptionsInOrder(t *testing.T) {
	queue := func(n int) Option { return SetIf(true, func(s *Settings) { s.Traces.QueueSize = n }) }
	r := Resolve(environment("A=os"), []Option{
		nil, Options(queue(1), nil, Options()), Invalid(nil), Invalid(errors.New("WithX(7): give 8")),
		FromEnv(func(getenv func(string) string) Option { return queue(len(getenv("A"))) }), Getenv(environment("A=seven77")),
	})
	if r.Traces.QueueSize != 7 || len(r.Errs) != 1 || r.Errs[0].Error() != "WithX(7): give 8" {
		t.Errorf("queue %d, errors %v", r.Traces.QueueSize, r.Errs)
	}
}
