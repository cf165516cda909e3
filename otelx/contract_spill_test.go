package otelx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
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
		for _, timeout := range []time.Duration{10 * time.Second, 400 * ms, 45 * ms} {
			p := new(pages)
			contract(t, func(f *fixture) {
				f.fails(fault)
				f.end("a", "b", "c", "d", "e")
				o := f.shutdown(timeout)
				if o.err == nil || o.took > timeout {
					f.Errorf("%s: Shutdown: %v after %v of %v", name, o.err, o.took, timeout)
				}
				p.want(f.T, "a b c d e")
				f.wantCounts(spanCounts{ended: 5, spilled: 5})
				if o := f.shutdown(time.Second); o.took != 0 {
					f.Errorf("%s: the second Shutdown: %v after %v", name, o.err, o.took)
				}
				p.want(f.T, "a b c d e")
			}, withSpill(p), withQueue(100, 2))
		}
	}
}

func TestContractDeliveredSpansAreNotSpilled(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.backend.FailNext(otlpreceiver.Fault{Status: 503}, otlpreceiver.Fault{Status: 503})
		f.end("a")
		if o := f.shutdown(time.Second); o.err != nil {
			f.Error(o.err)
		}
		if n := spill(f.sdk, f.Context()); n != 0 {
			f.Errorf("%d spans spilled afterwards", n)
		}
		p.want(f.T, "")
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	}, withSpill(p))
}

// A process that exits without Shutdown spills after its last flush. Spilled spans are not spilled again.
func TestContractSpillBeforeAnExit(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Hang: true})
		f.end("a", "b")
		setExitDeadline(f.sdk, time.Now().Add(100*ms))
		if o := f.flush(100 * ms); o.err == nil {
			f.Error("ForceFlush: nil although the backend hangs")
		}
		for i, want := range []int{2, 0} {
			if n := spill(f.sdk, f.Context()); n != want {
				f.Errorf("call %d spilled %d spans, want %d", i, n, want)
			}
		}
		f.end("c")
		if n := spill(f.sdk, f.Context()); n != 1 {
			f.Errorf("%d spans spilled, want the new one", n)
		}
		p.want(f.T, "a b c")
		f.wantCounts(spanCounts{ended: 3, spilled: 3})
		_ = f.shutdown(100 * ms)
		p.want(f.T, "a b c")
	}, withSpill(p))
}

// Without a place to spill to nothing is spilled.
func TestContractSpillIsOffByDefault(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 503})
		f.end("a")
		if n := spill(f.sdk, f.Context()); n != 0 {
			f.Errorf("%d spans spilled", n)
		}
		_ = f.shutdown(100 * ms)
		f.wantCounts(spanCounts{ended: 1, pending: 1})
	})
}

// A writer that hangs, fails or panics holds no caller beyond the deadline and does no harm.
func TestContractSpillToABadWriter(t *testing.T) {
	var release chan struct{}
	for name, write := range map[string]func() error{
		"hangs":  func() error { <-release; return nil },
		"fails":  func() error { return errors.New("disk full") },
		"panics": func() error { panic("boom") },
	} {
		for _, way := range []string{"Shutdown", "spill"} {
			p := &pages{before: write}
			contract(t, func(f *fixture) {
				release = make(chan struct{})
				f.fails(otlpreceiver.Fault{Status: 503})
				f.end("a")
				var o outcome
				if way == "Shutdown" {
					o = f.shutdown(400 * ms)
				} else {
					o = f.within(400*ms, func(ctx context.Context) error {
						if n := spill(f.sdk, ctx); n != 0 {
							f.Errorf("%s: %d spans counted as spilled", name, n)
						}
						return errors.New("none is returned")
					})
				}
				if o.err == nil || o.took > 400*ms {
					f.Errorf("a writer that %s: %s: %v after %v", name, way, o.err, o.took)
				}
				if c := countsOf(f.sdk); !c.addUp() || c.spilled != 0 || c.pending != 1 {
					f.Errorf("a writer that %s: counts %+v", name, c)
				}
				close(release)
				synctest.Wait()
			}, withSpill(p))
		}
	}
}

// All lines together have at most a mebibyte.
func TestContractSpillIsBounded(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Cut: otlpreceiver.BeforeRead})
		for range 200 {
			f.endLarge(10)
		}
		o := f.shutdown(time.Second)
		total := 0
		for _, line := range p.lines {
			total += len(line)
		}
		n := int64(len(p.names(f.T)))
		if o.err == nil || total > 1<<20 || n < 50 || n >= 200 {
			f.Errorf("%d spans in %d bytes: %v", n, total, o.err)
		}
		f.wantCounts(spanCounts{ended: 200, spilled: n, pending: 200 - n})
	}, withSpill(p))
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
			if c := countsOf(f.sdk); !c.addUp() || c.pending != 0 || c.dropped.Total() != 0 {
				f.Errorf("%+v: counts %+v", fault, c)
			}
		}, withSpill(p), withQueue(100, 2))
	}
}
