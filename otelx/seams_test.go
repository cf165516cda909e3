package otelx

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// outbox is a Sender of another package.
type outbox struct {
	mu     sync.Mutex
	sizes  []int
	script []func() (SendResult, error) // of the next requests; then they are accepted
	closed int
}

func (o *outbox) Send(_ context.Context, request []byte) (SendResult, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sizes = append(o.sizes, len(request))
	if len(o.script) > 0 {
		answer := o.script[0]
		o.script = o.script[1:]
		return answer()
	}
	return SendResult{}, nil
}

func (o *outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed++
	return nil
}

// made is New with vars for an environment, and the globals as they were.
func made(t *testing.T, vars map[string]string, opts ...Option) (*SDK, error) {
	t.Helper()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(provider)
		otel.SetTextMapPropagator(propagator)
	})
	s, err := New(t.Context(), append(opts, WithGetenv(func(key string) string { return vars[key] }))...)
	s.SetBackgroundExport(false)
	return s, err
}

func TestFromEndpoint(t *testing.T) {
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT"
	x := tracetest.NewInMemoryExporter()
	for name, c := range map[string]struct {
		vars map[string]string
		opts []Option
		want string // "none" for a nil endpoint; "" for no call
	}{
		"nothing":              {nil, nil, "none"},
		"variable":             {map[string]string{general: "http://c:1"}, nil, "http://c:1/v1/traces"},
		"variable for traces":  {map[string]string{general: "http://c:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t/x"}, nil, "https://t/x"},
		"a bad one":            {map[string]string{general: "c:1"}, nil, "none"},
		"option":               {map[string]string{general: "http://c:1"}, []Option{WithEndpoint("http://o/p")}, "http://o/p"},
		"fallback":             {nil, []Option{Fallback(WithEndpoint("http://f/p"))}, "http://f/p"},
		"variable on fallback": {map[string]string{general: "http://c:1"}, []Option{Fallback(WithEndpoint("http://f/p"))}, "http://c:1/v1/traces"},
		"otlp":                 {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, nil, "none"},
		"unknown exporter":     {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, nil, "none"},
		"console":              {map[string]string{"OTEL_TRACES_EXPORTER": "console"}, nil, ""},
		"none":                 {map[string]string{"OTEL_TRACES_EXPORTER": "none"}, nil, ""},
		"disabled":             {map[string]string{"OTEL_SDK_DISABLED": "true"}, nil, ""},
		"an exporter":          {nil, []Option{WithExporter(x)}, ""},
		"fallback exporter":    {nil, []Option{Fallback(WithExporter(x))}, ""},
		"otlp beats it":        {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, []Option{Fallback(WithExporter(x))}, "none"},
		"a sender":             {map[string]string{general: "http://c:1"}, []Option{WithSender(new(outbox))}, ""},
		"fallback sender":      {nil, []Option{Fallback(WithSender(new(outbox)))}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			choose := FromEndpoint(func(u *url.URL) Option {
				if got != "" {
					t.Error("called twice")
				}
				if got = "none"; u != nil {
					got = u.String()
				}
				return nil
			})
			// It is called last, wherever it stands.
			_, _ = made(t, c.vars, append([]Option{choose}, c.opts...)...)
			if got != c.want {
				t.Errorf("called with %q, want %q", got, c.want)
			}
		})
	}
}

// What FromEndpoint chooses has the rank of its place, and may choose by the endpoint again.
func TestFromEndpointHasItsRank(t *testing.T) {
	limit := func(n int) func(*url.URL) Option {
		return func(*url.URL) Option { return WithMaxRequestSize(n) }
	}
	nested := func(*url.URL) Option { return FromEndpoint(limit(40_000)) }
	for _, c := range []struct {
		opts []Option
		want int
	}{
		{[]Option{FromEndpoint(limit(20_000)), WithMaxRequestSize(30_000)}, 20_000},
		{[]Option{Fallback(FromEndpoint(limit(20_000))), WithMaxRequestSize(30_000)}, 30_000},
		{[]Option{Fallback(FromEndpoint(limit(20_000)))}, 20_000},
		{[]Option{Fallback(FromEndpoint(nested)), Fallback(WithMaxRequestSize(50_000))}, 40_000},
		{[]Option{FromEndpoint(nested), Fallback(WithMaxRequestSize(50_000))}, 40_000},
	} {
		cfg := newConfig(func(string) string { return "" }, c.opts)
		if got := cfg.requestSize(noEnv()); got != c.want {
			t.Errorf("%d bytes, want %d", got, c.want)
		}
	}
}

func TestInvalid(t *testing.T) {
	_, err := made(t, nil, Invalid(errors.New("WithX(7): give 8")), Invalid(nil))
	if err == nil || strings.Count(err.Error(), "WithX(7): give 8") != 1 {
		t.Errorf("New: %v", err)
	}
}

// TestWithSender: a sender takes the place of HTTP at its rank, and what it answers is entered into the account.
func TestWithSender(t *testing.T) {
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for name, c := range map[string]struct {
		vars map[string]string
		wrap func(...Option) Option
		used bool
		err  string
	}{
		"option":                       {map[string]string{general: "http://127.0.0.1:1"}, Options, true, ""},
		"option, exporter none":        {map[string]string{"OTEL_TRACES_EXPORTER": "none"}, Options, true, ""},
		"fallback":                     {nil, Fallback, true, ""},
		"fallback, endpoint":           {map[string]string{general: "http://127.0.0.1:1"}, Fallback, false, ""},
		"fallback, bad endpoint":       {map[string]string{general: "c:1"}, Fallback, true, "no scheme (write http://c:1)"},
		"fallback, exporter none":      {map[string]string{"OTEL_TRACES_EXPORTER": "none"}, Fallback, false, ""},
		"option, HTTP's are not asked": {map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "x"}, Options, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := new(outbox)
			s, err := made(t, c.vars, c.wrap(WithSender(o)))
			if c.err == "" && err != nil || c.err != "" && (err == nil || strings.Count(err.Error(), c.err) != 1) {
				t.Errorf("New: %v; want %q", err, c.err)
			}
			end(s, "a")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_ = s.ForceFlush(ctx)
			if (len(o.sizes) == 1) != c.used {
				t.Errorf("%d requests; used: %v", len(o.sizes), c.used)
			}
			_ = s.Shutdown(ctx)
			if (o.closed == 1) != c.used {
				t.Errorf("closed %d times", o.closed)
			}
		})
	}
}

func TestSendResults(t *testing.T) {
	answer := func(r SendResult, err error) func() (SendResult, error) {
		return func() (SendResult, error) { return r, err }
	}
	bad := errors.New("no")
	for name, c := range map[string]struct {
		script []func() (SendResult, error)
		want   Stats
	}{
		"accepted":    {nil, Stats{Ended: 3, Exported: 3}},
		"in part":     {[]func() (SendResult, error){answer(SendResult{Rejected: 2, Message: "m"}, nil)}, Stats{Ended: 3, Exported: 1, Dropped: Dropped{Rejected: 2}}},
		"refused":     {[]func() (SendResult, error){answer(SendResult{}, bad)}, Stats{Ended: 3, Dropped: Dropped{Refused: 3}}},
		"tried again": {[]func() (SendResult, error){answer(SendResult{Retryable: true, RetryAfter: time.Millisecond}, bad)}, Stats{Ended: 3, Exported: 3}},
		"panic":       {[]func() (SendResult, error){func() (SendResult, error) { panic("x") }}, Stats{Ended: 3, Dropped: Dropped{Refused: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outbox{script: c.script}
			s, _ := made(t, nil, WithSender(o))
			end(s, "a", "b", "c")
			_ = s.ForceFlush(t.Context())
			wantStats(t, s, c.want)
		})
	}
}

// TestSmallRequestsAreSplit: where no request may be large, one refused for its size is halved all the same.
func TestSmallRequestsAreSplit(t *testing.T) {
	s := start(newOTLPExporter(&narrow{most: 8 << 10}, 48<<10), sized{})
	large(s, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	wantStats(t, s, Stats{Ended: 20, Exported: 20})
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		opts []Option
		want Limits
		err  string
	}{
		{nil, Limits{}, ""},
		{[]Option{WithLimits(Limits{RequestBytes: 7})}, Limits{RequestBytes: 7}, ""},
		{[]Option{WithLimits(Limits{1, 2, 3, 4}), WithLimits(Limits{SpanBytes: 5})}, Limits{1, 2, 5, 4}, ""},
		{[]Option{WithLimits(Limits{SpanBytes: 5}), Fallback(WithLimits(Limits{1, 2, 3, 4}))}, Limits{1, 2, 5, 4}, ""},
		{[]Option{WithLimits(Limits{SpanBytes: -5, RequestSpans: 9})}, Limits{RequestSpans: 9}, "WithLimits: SpanBytes is -5"},
	} {
		cfg := newConfig(func(string) string { return "" }, c.opts)
		if got := cfg.resolveLimits(); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
		if err := errors.Join(cfg.errs...); (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v; want %q", err, c.err)
		}
	}
	cfg := newConfig(func(string) string { return "" }, []Option{WithLimits(Limits{RequestBytes: 50_000, RequestSpans: 100}), WithMaxRequestSize(60_000)})
	if _, batch := cfg.sizes(noEnv()); batch != 100 || cfg.requestSize(noEnv()) != 50_000 {
		t.Errorf("batch %d, request %d", batch, cfg.requestSize(noEnv()))
	}
}

func TestLimitsOfSpansAndRequests(t *testing.T) {
	o := new(outbox)
	s, err := made(t, nil, WithSender(o), WithLimits(Limits{RequestBytes: 40 << 10, RequestSpans: 5, SpanBytes: 20 << 10}))
	if err != nil {
		t.Error(err)
	}
	large(s, 1, 1, 1, 1, 1, 1, 19, 19, 21, 1)
	err = s.ForceFlush(t.Context())
	if err == nil || !strings.Contains(err.Error(), `span "a" exceeds 20480 bytes`) {
		t.Errorf("ForceFlush: %v", err)
	}
	wantStats(t, s, Stats{Ended: 10, Exported: 9, Dropped: Dropped{TooLarge: 1}})
	if most := slices.Max(o.sizes); most > 40<<10 || len(o.sizes) < 3 {
		t.Errorf("requests of %v bytes", o.sizes)
	}
}

// hinted is a backend that refuses for good, with a hint.
type hinted struct{ hints []string }

func (*hinted) Close() error { return nil }

func (h *hinted) Send(context.Context, []byte) (otlphttp.Result, error) {
	hint := h.hints[0]
	h.hints = h.hints[1:]
	return otlphttp.Result{Outcome: otlphttp.Refused, Answered: true, Hint: hint, HintKey: hint}, errors.New("403 Forbidden")
}

// TestHintsAreReportedOnce: each of them, whoever waits for the flush, and by which way the spans go.
func TestHintsAreReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	s := start(newOTLPExporter(&hinted{hints: []string{"do this", "do this", "", "do that"}}, defaultRequestBytes), sized{})
	for range 4 {
		end(s, "a")
		var drop *DropError
		if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) || !strings.Contains(err.Error(), "403") {
			t.Errorf("ForceFlush: %v", err)
		}
	}
	want := []string{"export spans: 403 Forbidden; do this", "export spans: 403 Forbidden; do that"}
	if got := reports(); !slices.Equal(got, want) {
		t.Errorf("reports %q, want %q", got, want)
	}
}

// A hint with an id in its words once filled the log, and memory, by a line a refusal.
func TestHintsThatAlwaysDifferAreBounded(t *testing.T) {
	reports := otelerr.Collect(t)
	h := new(hinted)
	for i := range 100 {
		h.hints = append(h.hints, fmt.Sprintf("do this about request %d", i))
	}
	s := start(newOTLPExporter(h, defaultRequestBytes), sized{})
	for range 100 {
		end(s, "a")
		_ = s.ForceFlush(t.Context())
	}
	wantStats(t, s, Stats{Ended: 100, Dropped: Dropped{Refused: 100}})
	if got := reports(); len(got) != maxHints {
		t.Errorf("%d reports, want %d", len(got), maxHints)
	}
}

func TestLargeResourceIsSentAndReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	o := new(outbox)
	s, _ := made(t, nil, WithSender(o), WithLimits(Limits{ResourceBytes: 1000}),
		WithResource(resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 1000)))))
	for range 3 {
		end(s, "a")
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wantStats(t, s, Stats{Ended: 3, Exported: 3})
	if got := reports(); len(got) != 1 || !strings.Contains(got[0], "the resource is too large: with an instrumentation scope it has 1") {
		t.Errorf("reports %q", got)
	}
}
