package otelx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// pages records each Write of spilled lines.
type pages struct {
	before func() error // of each Write; nil: nothing

	mu    sync.Mutex
	lines [][]byte
	at    []time.Time
}

func (p *pages) Write(b []byte) (int, error) {
	if p.before != nil {
		if err := p.before(); err != nil {
			return 0, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines, p.at = append(p.lines, bytes.Clone(b)), append(p.at, time.Now())
	return len(b), nil
}

// names returns the names of the spans in the lines, each of which must be one line of OTLP JSON.
func (p *pages) names(t *testing.T) (names []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		var doc struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []struct{ Name string } }
			}
		}
		if err := json.Unmarshal(line, &doc); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 || len(line) > 200<<10 {
			t.Errorf("not a line of OTLP JSON: %v: %.200q", err, line)
		}
		for _, r := range doc.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, span := range s.Spans {
					names = append(names, span.Name)
				}
			}
		}
	}
	return names
}

func (p *pages) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(p.names(t), " "); got != want {
		t.Errorf("spilled %q, want %q", got, want)
	}
}

// Shutdown spills the spans that it could not deliver, the oldest first, within its time and only once.
func TestContractShutdownSpills(t *testing.T) {
	for name, fault := range map[string]otlpreceiver.Fault{
		"503": {Status: 503}, "hang": {Hang: true}, "cut": {Cut: otlpreceiver.BeforeRead}, "Retry-After": {Status: 503, RetryAfter: "60"},
	} {
		p := new(pages)
		contract(t, func(f *fixture) {
			f.fails(fault)
			f.end("a", "b", "c", "d", "e")
			o := f.shutdown(400 * ms)
			if o.err == nil || o.took > 400*ms {
				f.Errorf("%s: Shutdown: %v after %v", name, o.err, o.took)
			}
			again := f.shutdown(time.Second)
			for _, err := range []error{o.err, again.err} {
				if err == nil || !strings.HasSuffix(err.Error(), "spill: 5 of 5 spans written") || again.took != 0 {
					f.Errorf("%s: Shutdown: %v, want the count of spilled spans", name, err)
				}
			}
			p.want(f.T, "a b c d e")
			f.wantCounts(spanCounts{ended: 5, spilled: 5})
		}, otelx.WithSpill(p), withQueue(100, 2))
	}
}

// A process that exits without Shutdown spills after its last flush. Spilled spans are not spilled again.
func TestContractSpillBeforeAnExit(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a", "b")
		f.sdk.SetExitDeadline(time.Now().Add(100 * ms))
		if o := f.flush(100 * ms); o.err == nil {
			f.Error("ForceFlush: nil although the backend hangs")
		}
		for i, want := range []int{2, 0} {
			if n := f.sdk.SpillPending(f.Context()); n != want {
				f.Errorf("call %d spilled %d spans, want %d", i, n, want)
			}
		}
		f.end("c")
		if n := f.sdk.SpillPending(f.Context()); n != 1 {
			f.Errorf("%d spans spilled, want the new one", n)
		}
		p.want(f.T, "a b c")
		f.wantCounts(spanCounts{ended: 3, spilled: 3})
		_ = f.shutdown(100 * ms)
		p.want(f.T, "a b c")
	}, otelx.WithSpill(p))
}

// Without a place to spill to nothing is spilled.
func TestContractSpillIsOffByDefault(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a")
		if n := f.sdk.SpillPending(f.Context()); n != 0 {
			f.Errorf("%d spans spilled", n)
		}
		_ = f.shutdown(100 * ms)
		f.wantCounts(spanCounts{ended: 1, pending: 1})
	})
}

// writer is a Write function.
type writer func(b []byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// A writer that hangs, fails or panics holds no caller beyond the deadline. Shutdown says why spans were not written.
func TestContractSpillToABadWriter(t *testing.T) {
	var release chan struct{}
	lines := 0
	for name, c := range map[string]struct {
		write writer
		want  string
	}{
		"hangs":  {func([]byte) (int, error) { <-release; return 0, nil }, "0 of 3 spans written"},
		"panics": {func([]byte) (int, error) { panic("no paper") }, "0 of 3 spans written: panicked: no paper"},
		"fails later": {func(b []byte) (int, error) {
			if lines++; lines > 1 {
				return 0, io.ErrClosedPipe
			}
			return len(b), nil
		}, "1 of 3 spans written: " + io.ErrClosedPipe.Error()},
	} {
		contract(t, func(f *fixture) {
			release = make(chan struct{})
			f.fails(otlpreceiver.Fault{Status: 503})
			f.endLarge(150, 150, 150)
			if name != "fails later" {
				o := f.within(400*ms, func(ctx context.Context) error {
					if n := f.sdk.SpillPending(ctx); n != 0 {
						f.Errorf("%s: %d spans counted as spilled", name, n)
					}
					return nil
				})
				if c := f.counts(); o.took > 400*ms || !c.addUp() || c.pending != 3 {
					f.Errorf("%s: SpillPending after %v, %+v", name, o.took, c)
				}
			}
			if o := f.shutdown(400 * ms); o.took > 400*ms || o.err == nil || !strings.Contains(o.err.Error(), c.want) {
				f.Errorf("%s: Shutdown: %v after %v, want %s", name, o.err, o.took, c.want)
			}
			close(release)
			synctest.Wait()
		}, otelx.WithSpill(c.write))
	}
}

// Undelivered and spilled spans are each somewhere: in the backend, in the lines, or in both if an answer was lost.
func TestContractNoSpanIsLostBetweenBackendAndSpill(t *testing.T) {
	for _, fault := range []otlpreceiver.Fault{{Status: 503}, {Hang: true}, {Delay: 300 * ms}, {Cut: otlpreceiver.AfterStore}} {
		p := new(pages)
		contract(t, func(f *fixture) {
			f.backend.FailNext(otlpreceiver.Fault{}, otlpreceiver.Fault{})
			f.fails(fault)
			for i := range 20 {
				f.end(strconv.Itoa(i))
			}
			_ = f.shutdown(200 * ms)
			found := append(f.delivered(), p.names(f.T)...)
			slices.Sort(found)
			if got := len(slices.Compact(found)); got != 20 {
				f.Errorf("%+v: %d of 20 spans are delivered or spilled", fault, got)
			}
			if c := f.counts(); !c.addUp() || c.pending != 0 || c.dropped.Total() != 0 {
				f.Errorf("%+v: counts %+v", fault, c)
			}
		}, otelx.WithSpill(p), withQueue(100, 2))
	}
}

// A backend that hangs leaves the lines their part of the time: a quarter, at most 250 ms, and up to half if it is short.
func TestSpillHasTime(t *testing.T) {
	for _, c := range []struct{ timeout, flush time.Duration }{
		{10 * time.Second, 9750 * ms},
		{400 * ms, 300 * ms},
		{45 * ms, 22500 * time.Microsecond},
		{22 * ms, 11 * ms},
	} {
		p := new(pages)
		contract(t, func(f *fixture) {
			f.fails(otlpreceiver.Fault{Hang: true})
			f.end("a")
			begin := time.Now()
			o := f.shutdown(c.timeout)
			if !errors.Is(o.err, context.DeadlineExceeded) || o.took > c.timeout {
				f.Errorf("of %v: Shutdown: %v after %v", c.timeout, o.err, o.took)
			}
			if at := p.at[0].Sub(begin); at < c.flush || at > c.flush+ms {
				f.Errorf("of %v: written after %v, want %v", c.timeout, at, c.flush)
			}
			f.wantCounts(spanCounts{ended: 1, spilled: 1})
		}, otelx.WithSpill(p))
	}
}

// An answer that comes soon after its request was canceled counts: the spans are not spilled.
func TestSpillWaitsForTheAnswer(t *testing.T) {
	p, x := new(pages), new(custom)
	withCustom(t, x, func(f *fixture) {
		x.export = func(ctx context.Context, _ []string) error {
			<-ctx.Done()
			time.Sleep(50 * ms) // less than the grace of the engine
			return nil
		}
		f.end("a", "b")
		o := f.shutdown(time.Second)
		p.want(f.T, "b")
		if x.delivered() != "a" {
			f.Errorf("delivered %q: %v", x.delivered(), o.err)
		}
		f.wantCounts(spanCounts{ended: 2, exported: 1, spilled: 1})
	}, otelx.WithSpill(p), withQueue(10, 1))
}

// A context without a deadline gives a spill one second.
func TestSpillWithoutADeadline(t *testing.T) {
	var release chan struct{}
	p := &pages{before: func() error { <-release; return nil }}
	contract(t, func(f *fixture) {
		release = make(chan struct{})
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a")
		begin := time.Now()
		if n := f.sdk.SpillPending(f.Context()); n != 0 || time.Since(begin) != time.Second {
			f.Errorf("SpillPending = %d after %v, want 0 after a second", n, time.Since(begin))
		}
		begin = time.Now() // the writer is still busy
		if o := f.shutdown(time.Second); o.err == nil || o.took > time.Second {
			f.Errorf("Shutdown: %v after %v", o.err, o.took)
		}
		if n := f.sdk.SpillPending(f.Context()); n != 0 || time.Since(begin) > 2*time.Second {
			f.Errorf("SpillPending = %d after %v", n, time.Since(begin))
		}
		close(release)
		synctest.Wait()
	}, otelx.WithSpill(p))
}

// While one caller of Shutdown still flushes, nothing is spilled. Then the spans are spilled once.
func TestSpillWaitsForTheLastCaller(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a")
		short := async(func() outcome { return f.shutdown(200 * ms) })
		long := async(func() outcome { return f.shutdown(time.Second) })
		time.Sleep(300 * ms)
		p.want(f.T, "")
		if o := <-short; o.err == nil || o.took > 200*ms {
			f.Errorf("the short Shutdown: %v after %v", o.err, o.took)
		}
		if o := <-long; o.err == nil || o.took > time.Second {
			f.Errorf("the long Shutdown: %v after %v", o.err, o.took)
		}
		p.want(f.T, "a")
	}, otelx.WithSpill(p))
}

// A Shutdown whose context has ended spills nothing, and the next one does.
func TestSpillUnderADoneContext(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a")
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		if err := f.sdk.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			f.Errorf("Shutdown: %v", err)
		}
		p.want(f.T, "")
		_ = f.shutdown(time.Second)
		p.want(f.T, "a")
	}, otelx.WithSpill(p))
}
