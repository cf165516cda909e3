package otelx

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// distant is a backend that takes a while, and counts the bytes on their way.
type distant struct {
	mu                            sync.Mutex
	requests, bytes, wide, loaded int // now, and the most at once
}

func (*distant) Close() error { return nil }

func (d *distant) Send(_ context.Context, body []byte) (otlphttp.Result, error) {
	d.count(1, len(body))
	time.Sleep(time.Second)
	d.count(-1, -len(body))
	return otlphttp.Result{}, nil
}

func (d *distant) count(requests, bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests += requests
	d.bytes += bytes
	d.wide, d.loaded = max(d.wide, d.requests), max(d.loaded, d.bytes)
}

// Small requests go out many at once, large ones as many as memory is meant for.
func TestRequestsAtOnceAreBoundedInNumberAndMemory(t *testing.T) {
	const most = 1 << 20
	for name, tt := range map[string]struct{ kilobytes, spans, wide int }{
		"small": {1, 40, maxRequests}, "large": {1000, 40, maxFullRequests},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &distant{}
			s := start(newOTLPExporter(d, most), sized{bound: 100, batch: 1})
			for range tt.spans {
				large(s, tt.kilobytes)
			}
			if err := s.ForceFlush(within(t, time.Minute)); err != nil {
				t.Error(err)
			}
			if d.wide != tt.wide || d.loaded > maxFullRequests*most {
				t.Errorf("%s: %d requests with %d bytes at once, want %d", name, d.wide, d.loaded, tt.wide)
			}
			wantStats(t, s, Stats{Ended: 40, Exported: 40})
		})
	}
}

// A request that waits for its turn behind large ones is not one without an answer.
func TestWaitingForATurnIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distant{}
		s := start(newOTLPExporter(d, 1<<20), sized{bound: 100, batch: 1})
		s.processor.loop.breaker.answered(time.Millisecond) // so that a request has a look of a second
		s.processor.loop.breaker.longest = 300 * time.Millisecond
		for range 40 {
			large(s, 1000)
		}
		if err := s.ForceFlush(within(t, 10*time.Second)); err != nil {
			t.Error(err)
		}
		wantStats(t, s, Stats{Ended: 40, Exported: 40})
	})
}

func TestMaxRequestSize(t *testing.T) {
	for _, tt := range []struct {
		env  string
		opt  Option
		want int
		err  string
	}{
		{want: defaultRequestBytes},
		{env: "16384", want: 16384},
		{env: "67108864", opt: Fallback(WithMaxRequestSize(20000)), want: 67108864},
		{opt: Fallback(WithMaxRequestSize(20000)), want: 20000},
		{env: "16384", opt: WithMaxRequestSize(1 << 20), want: 1 << 20},
		{
			env: "16383", want: defaultRequestBytes,
			err: `EPILOGUE_MAX_REQUEST_SIZE="16383": out of range (write 16384 to 67108864)`,
		},
		{
			env: "4MiB", want: defaultRequestBytes,
			err: `EPILOGUE_MAX_REQUEST_SIZE="4MiB": not a whole number (write 16384 to 67108864)`,
		},
		{
			opt: WithMaxRequestSize(64<<20 + 1), want: defaultRequestBytes,
			err: "WithMaxRequestSize(67108865): give 16384 to 67108864 bytes",
		},
	} {
		getenv := func(key string) string { return map[string]string{"EPILOGUE_MAX_REQUEST_SIZE": tt.env}[key] }
		c := newConfig(getenv, []Option{tt.opt})
		env := otelenv.New(c.getenv)
		if got := c.requestSize(env); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
		var said []string
		for _, err := range append(c.errs, env.Errs()...) {
			said = append(said, err.Error())
		}
		if got := strings.Join(said, "; "); got != tt.err {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
