package otelx_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// answer is what a sender says about a request.
type answer func() (otelx.SendResult, error)

// sender is a Sender of the program. It accepts every request that no answer is left for.
type sender struct {
	mu      sync.Mutex
	sizes   []int
	answers []answer
	largest int // larger requests are refused for their size; 0: none is
	closed  int
}

func (o *sender) Send(_ context.Context, request []byte) (otelx.SendResult, error) {
	return o.next(len(request))()
}

func (o *sender) next(size int) answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sizes = append(o.sizes, size)
	if o.largest > 0 && size > o.largest {
		return func() (otelx.SendResult, error) { return otelx.SendResult{TooLarge: true}, errors.New("too large") }
	}
	if len(o.answers) > 0 {
		next := o.answers[0]
		o.answers = o.answers[1:]
		return next
	}
	return func() (otelx.SendResult, error) { return otelx.SendResult{}, nil }
}

func (o *sender) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed++
	return nil
}

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
		"a sender":             {[]string{general + "http://c:1"}, []otelx.Option{otelx.WithSender(new(sender))}, ""},
		"fallback sender":      {nil, []otelx.Option{otelx.Fallback(otelx.WithSender(new(sender)))}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			choose := otelx.FromEndpoint(func(u *url.URL) otelx.Option {
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
	nested := func(*url.URL) otelx.Option { return otelx.FromEndpoint(limit(4)) }
	for i, c := range []struct {
		opts []otelx.Option
		want int
	}{
		{[]otelx.Option{otelx.FromEndpoint(limit(2)), otelx.WithMaxQueueSize(3)}, 2},
		{[]otelx.Option{otelx.Fallback(otelx.FromEndpoint(limit(2))), otelx.WithMaxQueueSize(3)}, 3},
		{[]otelx.Option{otelx.Fallback(otelx.FromEndpoint(limit(2)))}, 2},
		{[]otelx.Option{otelx.Fallback(otelx.FromEndpoint(nested)), otelx.Fallback(otelx.WithMaxQueueSize(5))}, 4},
		{[]otelx.Option{otelx.FromEndpoint(nested), otelx.Fallback(otelx.WithMaxQueueSize(5))}, 4},
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
	_, err := newSDK(t, environ(), otelx.Invalid(errors.New("WithX(7): give 8")), otelx.Invalid(nil))
	if err == nil || strings.Count(err.Error(), "WithX(7): give 8") != 1 {
		t.Errorf("New: %v", err)
	}
}

// A sender replaces HTTP at its rank. It is closed once.
func TestWithSender(t *testing.T) {
	const general = "OTEL_EXPORTER_OTLP_ENDPOINT="
	for name, c := range map[string]struct {
		vars string
		wrap func(...otelx.Option) otelx.Option
		used bool
		err  string
	}{
		"option":                       {general + "http://127.0.0.1:1", otelx.Options, true, ""},
		"option, exporter none":        {"OTEL_TRACES_EXPORTER=none", otelx.Options, true, ""},
		"fallback":                     {"", otelx.Fallback, true, ""},
		"fallback, endpoint":           {general + "http://127.0.0.1:1", otelx.Fallback, false, ""},
		"fallback, bad endpoint":       {general + "c:1", otelx.Fallback, true, "no scheme (write http://c:1)"},
		"fallback, exporter none":      {"OTEL_TRACES_EXPORTER=none", otelx.Fallback, false, ""},
		"option, HTTP's are not asked": {"OTEL_EXPORTER_OTLP_TIMEOUT=x", otelx.Options, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := new(sender)
			s, err := newSDK(t, environ(c.vars), c.wrap(otelx.WithSender(o)))
			if c.err == "" && err != nil || c.err != "" && (err == nil || strings.Count(err.Error(), c.err) != 1) {
				t.Errorf("New: %v, want %q", err, c.err)
			}
			span(s, "a")
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			defer cancel()
			_ = s.ForceFlush(ctx)
			if (len(o.sizes) == 1) != c.used {
				t.Errorf("%d requests, used: %v", len(o.sizes), c.used)
			}
			_ = s.Shutdown(ctx)
			_ = s.Shutdown(ctx)
			if (o.closed == 1) != c.used {
				t.Errorf("closed %d times", o.closed)
			}
		})
	}
}

// The counts tell what a sender has said about its requests.
func TestSendResults(t *testing.T) {
	otelerr.Discard(t)
	say := func(r otelx.SendResult, err error) answer {
		return func() (otelx.SendResult, error) { return r, err }
	}
	bad := errors.New("no")
	for name, c := range map[string]struct {
		answers  []answer
		want     spanCounts
		requests int
		err      string
	}{
		"accepted": {nil, spanCounts{ended: 3, exported: 3}, 1, ""},
		"in part": {
			[]answer{say(otelx.SendResult{Rejected: 2, Message: "m"}, nil)},
			spanCounts{ended: 3, exported: 1, dropped: otelx.Dropped{Rejected: 2}}, 1, `rejected 2 of 3 spans: "m"`,
		},
		"more rejected than sent": {
			[]answer{say(otelx.SendResult{Rejected: 9}, nil)},
			spanCounts{ended: 3, dropped: otelx.Dropped{Rejected: 3}}, 1, "rejected 3 of 3 spans",
		},
		"refused": {
			[]answer{say(otelx.SendResult{}, bad)}, spanCounts{ended: 3, dropped: otelx.Dropped{Refused: 3}}, 1, "no",
		},
		"retried": {
			[]answer{say(otelx.SendResult{Retryable: true, RetryAfter: ms}, bad)}, spanCounts{ended: 3, exported: 3}, 2, "",
		},
		"kept for the next flush": {
			[]answer{say(otelx.SendResult{RetryNextFlush: true}, bad)}, spanCounts{ended: 3, pending: 3}, 1, "; 3 kept",
		},
		"panic": {
			[]answer{func() (otelx.SendResult, error) { panic("boom") }},
			spanCounts{ended: 3, dropped: otelx.Dropped{Refused: 3}}, 1, "exporter panicked: boom",
		},
	} {
		o := &sender{answers: c.answers}
		contract(t, func(f *fixture) {
			f.end("a", "b", "c")
			err := f.flush(time.Second).err
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				f.Errorf("%s: ForceFlush: %v, want %q", name, err, c.err)
			}
			f.wantCounts(c.want)
			if len(o.sizes) != c.requests {
				f.Errorf("%s: %d requests, want %d", name, len(o.sizes), c.requests)
			}
		}, otelx.WithSender(o))
	}
}

// A request that is refused for its size is halved even if no request may be large.
func TestSmallRequestsAreSplit(t *testing.T) {
	o := &sender{largest: 8 << 10}
	contract(t, func(f *fixture) {
		f.endLarge(slices.Repeat([]int{1}, 20)...)
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 20, exported: 20})
	}, otelx.WithSender(o), otelx.WithMaxRequestSize(48<<10))
}

func TestLimits(t *testing.T) {
	o := new(sender)
	contract(t, func(f *fixture) {
		f.endLarge(1, 1, 1, 1, 1, 1, 19, 19, 21, 1)
		o := f.flush(time.Second)
		if o.err == nil || !strings.Contains(o.err.Error(), `span "large" exceeds 20480 bytes`) {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantCounts(spanCounts{ended: 10, exported: 9, dropped: otelx.Dropped{TooLarge: 1}})
	}, otelx.WithSender(o), otelx.WithMaxRequestSize(60<<10),
		otelx.WithLimits(otelx.Limits{RequestBytes: 40 << 10, RequestSpans: 5}),
		otelx.WithLimits(otelx.Limits{SpanBytes: 20 << 10}),
		otelx.Fallback(otelx.WithLimits(otelx.Limits{RequestBytes: 1, RequestSpans: 1, SpanBytes: 1})))
	if most := slices.Max(o.sizes); most > 40<<10 || len(o.sizes) < 3 || len(o.sizes) > 6 {
		t.Errorf("requests of %v bytes, want a few of at most 40 KiB", o.sizes)
	}
}

// A limit inside Fallback counts if no option sets the same one.
func TestLimitsInsideFallback(t *testing.T) {
	o := new(sender)
	contract(t, func(f *fixture) {
		f.endLarge(1, 1, 1, 3)
		if d := dropped(f.flush(time.Second).err); d == nil || d.Dropped != (otelx.Dropped{TooLarge: 1}) {
			f.Errorf("DropError %+v, want one span too large", d)
		}
	}, otelx.WithSender(o), otelx.WithLimits(otelx.Limits{SpanBytes: 2 << 10}),
		otelx.Fallback(otelx.WithLimits(otelx.Limits{RequestSpans: 1, SpanBytes: 1 << 20})))
	if len(o.sizes) != 3 {
		t.Errorf("%d requests, want one for each span", len(o.sizes))
	}
}

func TestNegativeLimits(t *testing.T) {
	_, err := newSDK(t, environ(), otelx.WithLimits(otelx.Limits{SpanBytes: -5, RequestSpans: 9}))
	if err == nil || !strings.Contains(err.Error(), "WithLimits: SpanBytes is -5") || strings.Contains(err.Error(), "RequestSpans") {
		t.Errorf("New: %v", err)
	}
}

// A bad request size changes nothing.
func TestMaxRequestSizeOutOfRange(t *testing.T) {
	for _, size := range []int{-1, 16<<10 - 1, 64<<20 + 1} {
		_, err := newSDK(t, environ(), otelx.WithMaxRequestSize(size))
		if want := fmt.Sprintf("WithMaxRequestSize(%d): give 16384 to 67108864 bytes", size); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %s", err, want)
		}
	}
}

// classified is contract with a backend that answers 403, and with an error classifier.
func classified(t *testing.T, classify func(status int, message string) (string, bool), test func(f *fixture)) {
	t.Helper()
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 403, Message: "no key"})
		test(f)
	}, otelx.WithErrorClassifier(classify))
}

// Each hint is reported once, together with the refusal. The refusal itself is in the error of each flush.
func TestHintsAreReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	hints := []string{"do this", "do this", "", "do that"}
	classify := func(status int, message string) (hint string, retry bool) {
		if status != 403 || !strings.Contains(message, "no key") {
			t.Errorf("classify(%d, %q)", status, message)
		}
		hint, hints = hints[0], hints[1:]
		return hint, false
	}
	classified(t, classify, func(f *fixture) {
		for range 4 {
			f.end("a")
			if o := f.flush(time.Second); dropped(o.err) == nil || !strings.Contains(o.err.Error(), "403") {
				f.Errorf("ForceFlush: %v", o.err)
			}
		}
	})
	got := reports()
	for i, hint := range []string{"do this", "do that"} {
		if len(got) != 2 || !strings.HasPrefix(got[i], "export spans: ") || !strings.Contains(got[i], "403 Forbidden") || !strings.HasSuffix(got[i], "; "+hint) {
			t.Fatalf("reports %q, want one for each hint", got)
		}
	}
}

// A hint with an id in its words once filled the log, and memory, by a line a refusal.
func TestHintsThatAlwaysDifferAreBounded(t *testing.T) {
	reports := otelerr.Collect(t)
	n := 0
	classify := func(int, string) (string, bool) { n++; return fmt.Sprintf("do this about request %d", n), false }
	classified(t, classify, func(f *fixture) {
		for range 100 {
			f.end("a")
			_ = f.flush(time.Second)
		}
		f.wantCounts(spanCounts{ended: 100, dropped: otelx.Dropped{Refused: 100}})
	})
	if got := reports(); len(got) != 32 {
		t.Errorf("%d reports, want 32", len(got))
	}
}

// A classifier may find that a refusal is not final. One that panics has no effect.
func TestErrorClassifier(t *testing.T) {
	otelerr.Discard(t)
	classified(t, func(int, string) (string, bool) { return "wait", true }, func(f *fixture) {
		f.end("a")
		if o := f.flush(time.Second); o.err == nil {
			f.Error("ForceFlush: no error")
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		f.works()
		f.mustFlush(time.Second, 0)
	})
	classified(t, func(int, string) (string, bool) { panic("boom") }, func(f *fixture) {
		f.end("a")
		_ = f.flush(time.Second)
		f.wantCounts(spanCounts{ended: 1, dropped: otelx.Dropped{Refused: 1}})
	})
}

func TestLargeResourceIsSentAndReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		for range 3 {
			f.end("a")
			f.mustFlush(time.Second, 0)
		}
		f.wantCounts(spanCounts{ended: 3, exported: 3})
	}, otelx.WithSender(new(sender)), otelx.WithLimits(otelx.Limits{ResourceBytes: 1000}),
		otelx.WithResource(resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 1000)))))
	if got := reports(); len(got) != 1 || !strings.Contains(got[0], "the resource is too large: with an instrumentation scope it has 1") {
		t.Errorf("reports %q", got)
	}
}

// patient is a Sender that waits for a backend that does not answer, and says nothing about the attempt when its context
// ends.
type patient struct{ works atomic.Bool }

func (p *patient) Send(ctx context.Context, _ []byte) (otelx.SendResult, error) {
	if p.works.Load() {
		return otelx.SendResult{}, nil
	}
	<-ctx.Done()
	return otelx.SendResult{}, ctx.Err()
}

func (*patient) Close() error { return nil }

// An attempt of a Sender that its context has ended is no refusal: the spans are kept.
func TestSenderCutOffByItsContextLosesNothing(t *testing.T) {
	p := new(patient)
	contract(t, func(f *fixture) {
		f.end("a")
		if o := f.flush(50 * ms); !errors.Is(o.err, context.DeadlineExceeded) {
			f.Errorf("ForceFlush: %v", o.err)
		}
		synctest.Wait()
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		p.works.Store(true)
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	}, otelx.WithSender(p))
}
