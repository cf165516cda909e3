package otelx

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/spill"
)

func TestSpill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := startSpilling(x, w, sized{batch: 2})
		end(s, "a", "b", "c")
		began := time.Now()
		err := s.Shutdown(within(t, time.Second))
		const want = "flush spans: 503 Service Unavailable; 3 kept; spill: 3 of 3 spans written"
		if err == nil || err.Error() != want || !errors.Is(err, errDown) {
			t.Errorf("Shutdown: %v, want %s", err, want)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("took %v of a second though the backend answered at once", d)
		}
		if got := w.names(t); !slices.Equal(got, []string{"a", "b", "c"}) || len(w.lines()) != 1 {
			t.Errorf("%d lines with %q, want one with a, b and c", len(w.lines()), got)
		}
		wantStats(t, s, Stats{Ended: 3, Spilled: 3})
		if log := s.Stats().LogValue().String(); !strings.Contains(log, "spilled=3") {
			t.Errorf("LogValue: %s", log)
		}
		if again := s.Shutdown(within(t, time.Second)); again == nil || !strings.Contains(again.Error(), "3 of 3 spans written") {
			t.Errorf("second Shutdown: %v", again)
		}
		if n := len(w.lines()); n != 1 {
			t.Errorf("%d lines after a second Shutdown, want 1", n)
		}
	})
}

func TestSpillNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		s := startSpilling(x, w, sized{})
		end(s, "a")
		if err := s.Shutdown(within(t, time.Second)); err != nil || len(w.lines()) != 0 || len(x.got()) != 1 {
			t.Errorf("Shutdown: %v, %d lines, delivered %q", err, len(w.lines()), x.got())
		}
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

// TestSpillHasTime: a backend that hangs leaves the lines their part of the time.
func TestSpillHasTime(t *testing.T) {
	for _, tt := range []struct{ time, flush time.Duration }{
		{10 * time.Second, 9750 * time.Millisecond},
		{400 * time.Millisecond, 300 * time.Millisecond},
		{45 * time.Millisecond, 22500 * time.Microsecond},
		{22 * time.Millisecond, 11 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			release := x.hold()
			defer release()
			began := time.Now()
			var at time.Duration
			w := &page{before: func([]byte) { at = time.Since(began) }}
			s := startSpilling(x, w, sized{})
			end(s, "a")
			err := s.Shutdown(within(t, tt.time))
			if got := time.Since(began); got != tt.flush || at != tt.flush {
				t.Errorf("of %v: written after %v, returned after %v, want %v", tt.time, at, got, tt.flush)
			}
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 of 1 spans written") {
				t.Errorf("Shutdown: %v", err)
			}
			wantStats(t, s, Stats{Ended: 1, Spilled: 1})
		})
	}
}

// TestSpillOfSpansOnTheWire: a request whose end can not be awaited is written too, in its place.
func TestSpillOfSpansOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{wide: 2, deaf: true}, &page{}
		release := x.hold()
		s := startSpilling(x, w, sized{batch: 2})
		end(s, "a", "b", "c", "d", "e")
		err := s.Shutdown(within(t, time.Second))
		if got := w.names(t); strings.Join(got, "") != "abcde" {
			t.Errorf("wrote %q: %v", got, err)
		}
		wantStats(t, s, Stats{Ended: 5, Spilled: 5})
		release()
		synctest.Wait()
	})
}

// lateExporter delivers, a moment after its context has ended.
type lateExporter struct{ fakeExporter }

func (x *lateExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	<-ctx.Done()
	time.Sleep(50 * time.Millisecond) // virtual
	return x.exit(context.WithoutCancel(ctx), spans)
}

// TestSpillWaitsForTheAnswer: what is answered soon after its request was given up is not written.
func TestSpillWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &lateExporter{}, &page{}
		s := startSpilling(x, w, sized{batch: 1})
		end(s, "a", "b")
		err := s.Shutdown(within(t, time.Second))
		if got := w.names(t); strings.Join(got, "") != "b" || strings.Join(x.got(), "") != "a" {
			t.Errorf("wrote %q, delivered %q: %v", got, x.got(), err)
		}
		wantStats(t, s, Stats{Ended: 2, Exported: 1, Spilled: 1})
	})
}

// TestSpillWriterHangs: a writer that never returns holds Shutdown until ctx ends, and no longer.
func TestSpillWriterHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{gate: make(chan struct{})}
		x.answer(down()...)
		s := startSpilling(x, w, sized{})
		end(s, "a")
		began := time.Now()
		err := s.Shutdown(within(t, time.Second))
		if d := time.Since(began); d != time.Second {
			t.Errorf("Shutdown took %v, want its second", d)
		}
		if err == nil || !strings.Contains(err.Error(), "0 of 1 spans written") {
			t.Errorf("Shutdown: %v", err)
		}
		wantStats(t, s, Stats{Ended: 1, Pending: 1})
		close(w.gate)
		synctest.Wait()
	})
}

// TestSpillEndsWithContext: between lines the time is looked at.
func TestSpillEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		x.answer(down()...)
		w := &page{before: func([]byte) { time.Sleep(300 * time.Millisecond) }} // virtual
		s := startSpilling(x, w, sized{})
		endLarge(s, 10, 150<<10)
		err := s.Shutdown(within(t, time.Second))
		if err == nil || !strings.Contains(err.Error(), "3 of 10 spans written") {
			t.Errorf("Shutdown: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 10, Pending: 6, Spilled: 4}) // a Write under way goes on
	})
}

// endLarge ends n spans with about size bytes of text each.
func endLarge(s *SDK, n, size int) {
	text := attribute.String("text", strings.Repeat("x", size))
	for range n {
		_, span := s.TracerProvider().Tracer("test").Start(context.Background(), "large", trace.WithAttributes(text))
		span.End()
	}
}

func TestSpillBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := startSpilling(x, w, sized{bound: 10_000})
		endLarge(s, 4000, 1000)
		err := s.Shutdown(within(t, time.Second))
		total := 0
		for _, line := range w.lines() {
			total += len(line)
			if len(line) > spill.MaxLineBytes {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		if total > spill.DefaultMaxBytes || total < spill.DefaultMaxBytes*99/100 {
			t.Errorf("%d bytes in all, want %d", total, spill.DefaultMaxBytes)
		}
		wrote := len(w.names(t))
		if want := int64(wrote); s.Stats().Spilled != want || wrote < 700 {
			t.Errorf("%d spans in the lines, counted %d", wrote, s.Stats().Spilled)
		}
		if err == nil || !strings.HasSuffix(err.Error(), "spans written: the lines have reached their limit of 1048576 bytes") {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

func TestSpillSkipsWhatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := startSpilling(x, w, sized{})
		end(s, "a")
		endLarge(s, 1, spill.MaxLineBytes)
		end(s, "b")
		err := s.Shutdown(within(t, time.Second))
		if got := strings.Join(w.names(t), ""); got != "ab" {
			t.Errorf("wrote %q", got)
		}
		if err == nil || !strings.Contains(err.Error(), "2 of 3 spans written: 1 too large for a line of 204800 bytes") {
			t.Errorf("Shutdown: %v", err)
		}
		wantStats(t, s, Stats{Ended: 3, Pending: 1, Spilled: 2})
	})
}

func TestSpillWriterFails(t *testing.T) {
	for name, tt := range map[string]struct {
		w    *page
		want string
	}{
		"error": {&page{answer: func(int) error { return io.ErrClosedPipe }}, "0 of 3 spans written: " + io.ErrClosedPipe.Error()},
		"short": {&page{short: func(int) int { return 5 }}, "0 of 3 spans written: short write"},
		"panic": {&page{before: func([]byte) { panic("no paper") }}, "0 of 3 spans written: panicked: no paper"},
		"later": {&page{answer: func(call int) error {
			if call > 0 {
				return io.ErrClosedPipe
			}
			return nil
		}}, "1 of 3 spans written"},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			x.answer(down()...)
			s := startSpilling(x, tt.w, sized{})
			endLarge(s, 3, 150<<10)
			if err := s.Shutdown(within(t, time.Second)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: Shutdown: %v, want %s", name, err, tt.want)
			}
		})
	}
}

// TestSpillWaitsForTheLastCaller: as long as one flushes nothing is written; afterwards it is, once.
func TestSpillWaitsForTheLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		release := x.hold()
		defer release()
		s := startSpilling(x, w, sized{})
		end(s, "a")
		var wg sync.WaitGroup
		for _, d := range []time.Duration{200 * time.Millisecond, time.Second} {
			wg.Go(func() {
				began := time.Now()
				if err := s.Shutdown(within(t, d)); err == nil || time.Since(began) > d {
					t.Errorf("Shutdown in %v: %v after %v", d, err, time.Since(began))
				}
			})
		}
		time.Sleep(300 * time.Millisecond)
		if n := len(w.lines()); n > 0 {
			t.Errorf("%d lines while a caller flushes", n)
		}
		wg.Wait()
		if got := strings.Join(w.names(t), ""); got != "a" {
			t.Errorf("wrote %q", got)
		}
	})
}

// TestSpillAfterTheEnd: a ctx that has ended has no time for lines; the next Shutdown's may have.
func TestSpillAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		s := startSpilling(x, w, sized{})
		end(s, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) || len(w.lines()) > 0 {
			t.Errorf("Shutdown: %v, %d lines", err, len(w.lines()))
		}
		if err := s.Shutdown(t.Context()); err == nil || strings.Join(w.names(t), "") != "a" {
			t.Errorf("second Shutdown: %v, wrote %q", err, w.names(t))
		}
	})
}

func TestSpillSettings(t *testing.T) {
	mine, theirs := &page{}, &page{}
	for _, tt := range []struct {
		value string
		opts  []Option
		want  io.Writer
		err   string
	}{
		{value: ""},
		{value: "none"},
		{value: "stderr", want: os.Stderr},
		{value: "STDERR", want: os.Stderr},
		{value: "stdout", err: `EPILOGUE_SPILL="stdout": unknown (write none or stderr)`},
		{value: "none", opts: []Option{WithSpill(mine)}, want: mine},
		{value: "", opts: []Option{WithSpill(mine), WithSpill(nil)}, want: mine},
		{value: "", opts: []Option{Fallback(WithSpill(theirs))}, want: theirs},
		{value: "stdout", opts: []Option{Fallback(WithSpill(theirs))}, want: theirs, err: "EPILOGUE_SPILL"},
		{value: "none", opts: []Option{Fallback(WithSpill(theirs))}},
		{value: "stderr", opts: []Option{Fallback(WithSpill(theirs))}, want: os.Stderr},
		{value: "", opts: []Option{Fallback(WithSpill(theirs)), WithSpill(mine)}, want: mine},
	} {
		env := map[string]string{spillKey: tt.value}
		s, err := New(t.Context(), Options(tt.opts...), WithGetenv(func(key string) string { return env[key] }))
		var got io.Writer
		if r := s.processor.spiller; r != nil {
			got = r.w
		}
		if got != tt.want {
			t.Errorf("%s=%s: %v, want %v", spillKey, tt.value, got, tt.want)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s=%s: error %v, want %q", spillKey, tt.value, err, tt.err)
		}
	}
}

func TestSpillMaxBytes(t *testing.T) {
	for value, want := range map[string]int{"": spill.DefaultMaxBytes, "300000": 300_000, "0": spill.DefaultMaxBytes, "1MB": spill.DefaultMaxBytes} {
		w := &page{}
		env := map[string]string{spillBytesKey: value}
		s, err := New(t.Context(), WithGetenv(func(key string) string { return env[key] }), WithSpill(w), WithExporter(nullExporter{}))
		if bad := value == "0" || value == "1MB"; bad != (err != nil) {
			t.Errorf("%s=%q: %v", spillBytesKey, value, err)
		}
		endLarge(s, 900, 2000)
		s.SpillPending(within(t, 10*time.Second))
		total := 0
		for _, line := range w.lines() {
			total += len(line)
		}
		if total > want || total < want*98/100 {
			t.Errorf("%s=%q: %d bytes, want %d", spillBytesKey, value, total, want)
		}
		_ = s.Shutdown(t.Context())
	}
}

// TestSpilledSpansLeaveTheQueue: a process that lives on exports only the other spans, and the counts add up.
func TestSpilledSpansLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{wide: 1}, &page{}
		release := x.hold()
		s := startSpilling(x, w, sized{batch: 2})
		end(s, "a", "b", "c")
		go func() { _ = s.ForceFlush(within(t, time.Minute)) }() // a and b are in flight
		synctest.Wait()
		endLarge(s, 1, spill.MaxLineBytes)
		if n := s.SpillPending(within(t, time.Second)); n != 3 {
			t.Errorf("%d spilled, want a, b and c", n)
		}
		wantStats(t, s, Stats{Ended: 4, Pending: 1, Spilled: 3})
		if n, _ := s.Pending(); n != 1 {
			t.Errorf("%d pending", n)
		}
		if got := s.Counts(); len(got) != 1 || got[0] != (counts.Signal{Name: "traces", Ended: 4, Pending: 1, Spilled: 3}) {
			t.Errorf("Counts: %+v", got)
		}
		release()
		synctest.Wait()
		end(s, "d")
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		wantStats(t, s, Stats{Ended: 5, Exported: 2, Spilled: 3})
		wantCalls(t, x, "a b", "large d")
	})
}
