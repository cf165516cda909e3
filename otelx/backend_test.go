package otelx_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// answer is what a sender says about a request.
type answer func() (delivery.Result, error)

// sender is the sender of a backend. It accepts every request that no answer is left for.
type sender struct {
	mu      sync.Mutex
	sizes   []int
	answers []answer
	largest int // larger requests are refused for their size; 0: none is
	closed  int
}

func (*sender) Limits() delivery.Limits { return delivery.Limits{Requests: 32, Breaker: true} }

func (o *sender) Send(_ context.Context, _ delivery.Signal, request []byte) (delivery.Result, error) {
	res, err := o.next(len(request))()
	res.Answered = res.Outcome != delivery.Retryable && res.Outcome != delivery.RetryNextFlush
	return res, err
}

func (o *sender) next(size int) answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sizes = append(o.sizes, size)
	if o.largest > 0 && size > o.largest {
		return func() (delivery.Result, error) {
			return delivery.Result{Outcome: delivery.TooLarge}, errors.New("too large")
		}
	}
	if len(o.answers) > 0 {
		next := o.answers[0]
		o.answers = o.answers[1:]
		return next
	}
	return func() (delivery.Result, error) { return delivery.Result{}, nil }
}

func (o *sender) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed++
	return nil
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
			synctest.Test(t, func(t *testing.T) { checkSender(t, c.used, c.err, environ(c.vars), c.wrap) })
		})
	}
}

// checkSender checks whether New uses a sender that wrap makes an option of, and the error of New.
func checkSender(t *testing.T, used bool, problem string, env otelx.Option, wrap func(...otelx.Option) otelx.Option) {
	t.Helper()
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	o := new(sender)
	s, err := newSDK(t, env, wrap(config.WithSender(o)), otelx.WithDialer(refuse))
	if problem == "" && err != nil || problem != "" && (err == nil || strings.Count(err.Error(), problem) != 1) {
		t.Errorf("New: %v, want %q", err, problem)
	}
	span(s, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
	defer cancel()
	_ = s.ForceFlush(ctx)
	if (len(o.sizes) == 1) != used {
		t.Errorf("%d requests, used: %v", len(o.sizes), used)
	}
	_ = s.Shutdown(ctx)
	_ = s.Shutdown(ctx)
	if (o.closed == 1) != used {
		t.Errorf("closed %d times", o.closed)
	}
}

// The counts tell what a sender has said about its requests.
func TestSendResults(t *testing.T) {
	otelerr.Discard(t)
	say := func(r delivery.Result, err error) answer {
		return func() (delivery.Result, error) { return r, err }
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
			[]answer{say(delivery.Result{Rejected: 2, Message: "m"}, nil)},
			spanCounts{ended: 3, exported: 1, dropped: otelx.Dropped{Rejected: 2}},
			1, `rejected 2 of 3 spans: "m"`,
		},
		"more rejected than sent": {
			[]answer{say(delivery.Result{Rejected: 9}, nil)},
			spanCounts{ended: 3, dropped: otelx.Dropped{Rejected: 3}},
			1, "rejected 3 of 3 spans",
		},
		"refused": {
			[]answer{say(delivery.Result{Outcome: delivery.Refused}, bad)}, spanCounts{ended: 3, dropped: otelx.Dropped{Refused: 3}}, 1, "no",
		},
		"retried": {
			[]answer{say(delivery.Result{Outcome: delivery.Retryable, RetryAfter: ms}, bad)}, spanCounts{ended: 3, exported: 3}, 2, "",
		},
		"kept for the next flush": {
			[]answer{say(delivery.Result{Outcome: delivery.RetryNextFlush}, bad)}, spanCounts{ended: 3, pending: 3}, 1, "; 3 kept",
		},
		"panic": {
			[]answer{func() (delivery.Result, error) { panic("boom") }},
			spanCounts{ended: 3, dropped: otelx.Dropped{Refused: 3}},
			1, "exporter panicked: boom",
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
		}, config.WithSender(o))
	}
}
