package otelx_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

var unavailable = otlpreceiver.Fault{Status: 503}

// Shutdown's error tells how many spans were spilled, in each call, and so do Stats and Counts.
func TestSpillIsReported(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(unavailable)
		f.end("a", "b", "c")
		for _, want := range []string{"503", ""} {
			o := f.shutdown(time.Second)
			if o.err == nil || !strings.Contains(o.err.Error(), want) || !strings.HasSuffix(o.err.Error(), "spill: 3 of 3 spans written") {
				f.Errorf("Shutdown: %v, want %q and the count of spilled spans", o.err, want)
			}
		}
		if len(p.lines) != 1 {
			f.Errorf("%d lines, want one for all spans", len(p.lines))
		}
		if diff := cmp.Diff([]counts.Signal{{Name: "traces", Ended: 3, Spilled: 3, Breaker: "half-open"}}, f.sdk.Counts()); diff != "" {
			f.Errorf("Counts (-want +got):\n%s", diff)
		}
	}, otelx.WithSpill(p))
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

// Between two lines the spill looks at its time. A Write under way continues and counts.
func TestSpillEndsWithItsTime(t *testing.T) {
	p := &pages{before: func() error { time.Sleep(300 * ms); return nil }}
	contract(t, func(f *fixture) {
		f.fails(unavailable)
		f.endLarge(150, 150, 150, 150, 150, 150, 150, 150, 150, 150)
		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		if n := f.sdk.SpillPending(ctx); n != 3 {
			f.Errorf("SpillPending = %d, want the 3 lines of a second", n)
		}
		time.Sleep(time.Second)
		f.wantCounts(spanCounts{ended: 10, pending: 6, spilled: 4})
		for range 3 { // each call continues where the one before ended, within the bound of all lines
			_ = f.within(time.Second, func(ctx context.Context) error { f.sdk.SpillPending(ctx); return nil })
			time.Sleep(time.Second)
		}
		f.wantCounts(spanCounts{ended: 10, pending: 4, spilled: 6}) // of 150 KB each in 1 MiB
	}, otelx.WithSpill(p))
}

// A context without a deadline gives a spill one second.
func TestSpillWithoutADeadline(t *testing.T) {
	var release chan struct{}
	p := &pages{before: func() error { <-release; return nil }}
	contract(t, func(f *fixture) {
		release = make(chan struct{})
		f.fails(unavailable)
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

// A span too large for a line stays pending, and takes no other span along.
func TestSpillSkipsASpanTooLargeForALine(t *testing.T) {
	p := new(pages)
	contract(t, func(f *fixture) {
		f.fails(unavailable)
		f.end("a")
		f.endLarge(200)
		f.end("b")
		o := f.shutdown(time.Second)
		p.want(f.T, "a b")
		if o.err == nil || !strings.Contains(o.err.Error(), "2 of 3 spans written: 1 too large for a line of 204800 bytes") {
			f.Errorf("Shutdown: %v", o.err)
		}
		f.wantCounts(spanCounts{ended: 3, pending: 1, spilled: 2})
	}, otelx.WithSpill(p))
}

// writer is a Write function.
type writer func(b []byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// Shutdown's error says why spans were not written.
func TestSpillToAWriterThatFails(t *testing.T) {
	lines := 0
	for name, c := range map[string]struct {
		write writer
		want  string
	}{
		"error": {func([]byte) (int, error) { return 0, io.ErrClosedPipe }, "0 of 3 spans written: " + io.ErrClosedPipe.Error()},
		"short": {func([]byte) (int, error) { return 5, nil }, "0 of 3 spans written: short write"},
		"panic": {func([]byte) (int, error) { panic("no paper") }, "0 of 3 spans written: panicked: no paper"},
		"later": {func(b []byte) (int, error) {
			if lines++; lines > 1 {
				return 0, io.ErrClosedPipe
			}
			return len(b), nil
		}, "1 of 3 spans written: " + io.ErrClosedPipe.Error()},
	} {
		contract(t, func(f *fixture) {
			f.fails(unavailable)
			f.endLarge(150, 150, 150)
			if o := f.shutdown(time.Second); o.err == nil || !strings.Contains(o.err.Error(), c.want) {
				f.Errorf("%s: Shutdown: %v, want %s", name, o.err, c.want)
			}
		}, otelx.WithSpill(c.write))
	}
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
		f.fails(unavailable)
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

// A process that lives on after a spill exports only the other spans.
func TestSpilledSpansLeaveTheQueue(t *testing.T) {
	p, x := new(pages), new(custom)
	withCustom(t, x, func(f *fixture) {
		release := make(chan struct{})
		x.export = func(context.Context, []string) error { <-release; return nil }
		f.end("a", "b", "c")
		flush := async(func() outcome { return f.flush(time.Minute) }) // a and b are with the exporter
		f.endLarge(200)
		if n := f.sdk.SpillPending(f.Context()); n != 3 {
			f.Errorf("SpillPending = %d, want a, b and c", n)
		}
		f.wantCounts(spanCounts{ended: 4, pending: 1, spilled: 3})
		if n, _ := f.sdk.Pending(); n != 1 {
			f.Errorf("%d pending, want 1", n)
		}
		close(release)
		if o := <-flush; o.err != nil {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.end("d")
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 5, exported: 2, spilled: 3})
		if got := x.delivered(); got != "abdlarge" { // a and b were with the exporter already
			f.Errorf("exported %s", got)
		}
	}, otelx.WithSpill(p), withQueue(100, 2))
}
