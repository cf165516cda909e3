package otelx_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

func TestFromEndpoint(t *testing.T) {
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT="
	x := tracetest.NewInMemoryExporter()
	for name, c := range map[string]struct {
		vars []string
		opts []otelx.Option
		want string // "none" for a nil endpoint; "" for no call
	}{
		"nothing":              {nil, nil, "none"},
		"variable":             {[]string{general + "http://c:1"}, nil, "http://c:1/v1/traces"},
		"variable for traces":  {[]string{general + "http://c:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://t/x"}, nil, "https://t/x"},
		"a bad one":            {[]string{general + "c:1"}, nil, "none"},
		"option":               {[]string{general + "http://c:1"}, []otelx.Option{otelx.WithEndpoint("http://o/p")}, "http://o/p"},
		"fallback":             {nil, []otelx.Option{otelx.Fallback(otelx.WithEndpoint("http://f/p"))}, "http://f/p"},
		"variable on fallback": {[]string{general + "http://c:1"}, []otelx.Option{otelx.Fallback(otelx.WithEndpoint("http://f/p"))}, "http://c:1/v1/traces"},
		"otlp":                 {[]string{"OTEL_TRACES_EXPORTER=otlp"}, nil, "none"},
		"unknown exporter":     {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, nil, "none"},
		"console":              {[]string{"OTEL_TRACES_EXPORTER=console"}, nil, ""},
		"none":                 {[]string{"OTEL_TRACES_EXPORTER=none"}, nil, ""},
		"disabled":             {[]string{"OTEL_SDK_DISABLED=true"}, nil, ""},
		"an exporter":          {nil, []otelx.Option{otelx.WithExporter(x)}, ""},
		"fallback exporter":    {nil, []otelx.Option{otelx.Fallback(otelx.WithExporter(x))}, ""},
		"otlp beats it":        {[]string{"OTEL_TRACES_EXPORTER=otlp"}, []otelx.Option{otelx.Fallback(otelx.WithExporter(x))}, "none"},
		"a sender":             {[]string{general + "http://c:1"}, []otelx.Option{config.WithSender(new(sender))}, ""},
		"fallback sender":      {nil, []otelx.Option{otelx.Fallback(config.WithSender(new(sender)))}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			choose := config.FromEndpoint(func(u *url.URL) otelx.Option {
				if got != "" {
					t.Error("called twice")
				}
				if got = "none"; u != nil {
					got = u.String()
				}
				return nil
			})
			// It is called after all other options apply, wherever it stands.
			_, _ = newSDK(t, append([]otelx.Option{choose, environ(c.vars...)}, c.opts...)...)
			if got != c.want {
				t.Errorf("called with %q, want %q", got, c.want)
			}
		})
	}
}

// An option of FromEndpoint has the rank of its place, and may be a FromEndpoint itself.
func TestFromEndpointHasItsRank(t *testing.T) {
	limit := func(n int) func(*url.URL) otelx.Option {
		return func(*url.URL) otelx.Option { return otelx.WithMaxQueueSize(n) }
	}
	nested := func(*url.URL) otelx.Option { return config.FromEndpoint(limit(4)) }
	for i, c := range []struct {
		opts []otelx.Option
		want int
	}{
		{[]otelx.Option{config.FromEndpoint(limit(2)), otelx.WithMaxQueueSize(3)}, 2},
		{[]otelx.Option{otelx.Fallback(config.FromEndpoint(limit(2))), otelx.WithMaxQueueSize(3)}, 3},
		{[]otelx.Option{otelx.Fallback(config.FromEndpoint(limit(2)))}, 2},
		{[]otelx.Option{otelx.Fallback(config.FromEndpoint(nested)), otelx.Fallback(otelx.WithMaxQueueSize(5))}, 4},
		{[]otelx.Option{config.FromEndpoint(nested), otelx.Fallback(otelx.WithMaxQueueSize(5))}, 4},
	} {
		contract(t, func(f *fixture) {
			for range 10 { // as many open spans are known as the queue holds
				f.start(f.Context(), "a")
			}
			if n := f.sdk.EndOpenSpans(nil, "", "x"); n != c.want {
				f.Errorf("case %d: the queue holds %d spans, want %d", i, n, c.want)
			}
		}, append(c.opts, otelx.WithMaxExportBatchSize(1))...)
	}
}

func TestInvalid(t *testing.T) {
	_, err := newSDK(t, environ(), config.Invalid(errors.New("WithX(7): give 8")), config.Invalid(nil))
	if err == nil || strings.Count(err.Error(), "WithX(7): give 8") != 1 {
		t.Errorf("New: %v", err)
	}
}
