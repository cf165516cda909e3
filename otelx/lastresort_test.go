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
)

func TestLastResort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := resort(x, w, sized{batch: 2})
		end(s, "a", "b", "c")
		began := time.Now()
		err := s.Shutdown(within(t, time.Second))
		const want = "flush spans: 503 Service Unavailable; 3 kept; last resort: 3 of 3 spans written as lines"
		if err == nil || err.Error() != want || !errors.Is(err, errDown) {
			t.Errorf("Shutdown: %v, want %s", err, want)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("took %v of a second though the backend answered at once", d)
		}
		if got := w.names(t); !slices.Equal(got, []string{"a", "b", "c"}) || len(w.lines()) != 1 {
			t.Errorf("%d lines with %q, want one with a, b and c", len(w.lines()), got)
		}
		wantStats(t, s, Stats{Ended: 3, Pending: 3, WrittenOut: 3})
		if log := s.Stats().LogValue().String(); !strings.Contains(log, "written_out=3") {
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

func TestLastResortNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		s := resort(x, w, sized{})
		end(s, "a")
		if err := s.Shutdown(within(t, time.Second)); err != nil || len(w.lines()) != 0 || len(x.got()) != 1 {
			t.Errorf("Shutdown: %v, %d lines, delivered %q", err, len(w.lines()), x.got())
		}
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

// TestLastResortHasTime: a backend that hangs leaves the lines their part of the time.
func TestLastResortHasTime(t *testing.T) {
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
			s := resort(x, w, sized{})
			end(s, "a")
			err := s.Shutdown(within(t, tt.time))
			if got := time.Since(began); got != tt.flush || at != tt.flush {
				t.Errorf("of %v: written after %v, returned after %v, want %v", tt.time, at, got, tt.flush)
			}
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 of 1 spans written") {
				t.Errorf("Shutdown: %v", err)
			}
			wantStats(t, s, Stats{Ended: 1, Pending: 1, WrittenOut: 1})
		})
	}
}

// TestLastResortOfSpansOnTheWire: a request whose end can not be awaited is written too, in its place.
func TestLastResortOfSpansOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{wide: 2, deaf: true}, &page{}
		release := x.hold()
		s := resort(x, w, sized{batch: 2})
		end(s, "a", "b", "c", "d", "e")
		err := s.Shutdown(within(t, time.Second))
		if got := w.names(t); strings.Join(got, "") != "abcde" {
			t.Errorf("wrote %q: %v", got, err)
		}
		wantStats(t, s, Stats{Ended: 5, Pending: 5, WrittenOut: 5})
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

// TestLastResortWaitsForTheAnswer: what is answered soon after its request was given up is not written.
func TestLastResortWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &lateExporter{}, &page{}
		s := resort(x, w, sized{batch: 1})
		end(s, "a", "b")
		err := s.Shutdown(within(t, time.Second))
		if got := w.names(t); strings.Join(got, "") != "b" || strings.Join(x.got(), "") != "a" {
			t.Errorf("wrote %q, delivered %q: %v", got, x.got(), err)
		}
		wantStats(t, s, Stats{Ended: 2, Exported: 1, Pending: 1, WrittenOut: 1})
	})
}

// TestLastResortWriterHangs: a writer that never returns holds Shutdown until ctx ends, and no longer.
func TestLastResortWriterHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{gate: make(chan struct{})}
		x.answer(down()...)
		s := resort(x, w, sized{})
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

// TestLastResortEndsWithContext: between lines the time is looked at.
func TestLastResortEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		x.answer(down()...)
		w := &page{before: func([]byte) { time.Sleep(300 * time.Millisecond) }} // virtual
		s := resort(x, w, sized{})
		endLarge(s, 10, 150<<10)
		err := s.Shutdown(within(t, time.Second))
		if err == nil || !strings.Contains(err.Error(), "3 of 10 spans written") {
			t.Errorf("Shutdown: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantStats(t, s, Stats{Ended: 10, Pending: 10, WrittenOut: 4}) // a Write under way goes on
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

func TestLastResortBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := resort(x, w, sized{bound: 10_000})
		endLarge(s, 4000, 1000)
		err := s.Shutdown(within(t, time.Second))
		total := 0
		for _, line := range w.lines() {
			total += len(line)
			if len(line) > maxLineBytes {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		if total > lastResortBytes || total < lastResortBytes*99/100 {
			t.Errorf("%d bytes in all, want %d", total, lastResortBytes)
		}
		wrote := len(w.names(t))
		if want := int64(wrote); s.Stats().WrittenOut != want || wrote < 700 {
			t.Errorf("%d spans in the lines, counted %d", wrote, s.Stats().WrittenOut)
		}
		if err == nil || !strings.HasSuffix(err.Error(), "spans written as lines: EPILOGUE_LAST_RESORT_MAX_BYTES is 1048576") {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

func TestLastResortSkipsWhatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := resort(x, w, sized{})
		end(s, "a")
		endLarge(s, 1, maxLineBytes)
		end(s, "b")
		err := s.Shutdown(within(t, time.Second))
		if got := strings.Join(w.names(t), ""); got != "ab" {
			t.Errorf("wrote %q", got)
		}
		if err == nil || !strings.Contains(err.Error(), "2 of 3 spans written as lines: 1 too large for a line of 204800 bytes") {
			t.Errorf("Shutdown: %v", err)
		}
		wantStats(t, s, Stats{Ended: 3, Pending: 3, WrittenOut: 2})
	})
}

func TestLastResortWriterFails(t *testing.T) {
	for name, tt := range map[string]struct {
		w    *page
		want string
	}{
		"error": {&page{answer: func(int) error { return io.ErrClosedPipe }}, "0 of 3 spans written as lines: " + io.ErrClosedPipe.Error()},
		"short": {&page{short: func(int) int { return 5 }}, "0 of 3 spans written as lines: short write"},
		"panic": {&page{before: func([]byte) { panic("no paper") }}, "0 of 3 spans written as lines: panic: no paper"},
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
			s := resort(x, tt.w, sized{})
			endLarge(s, 3, 150<<10)
			if err := s.Shutdown(within(t, time.Second)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: Shutdown: %v, want %s", name, err, tt.want)
			}
		})
	}
}

// TestLastResortWaitsForTheLastCaller: as long as one flushes nothing is written; afterwards it is, once.
func TestLastResortWaitsForTheLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		release := x.hold()
		defer release()
		s := resort(x, w, sized{})
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

// TestLastResortAfterTheEnd: a ctx that has ended has no time for lines; the next Shutdown's may have.
func TestLastResortAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		s := resort(x, w, sized{})
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

func TestLastResortSettings(t *testing.T) {
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
		{value: "stdout", err: `EPILOGUE_LAST_RESORT="stdout": not known; write none or stderr; it counts as unset`},
		{value: "none", opts: []Option{WithLastResort(mine)}, want: mine},
		{value: "", opts: []Option{WithLastResort(mine), WithLastResort(nil)}, want: mine},
		{value: "", opts: []Option{Fallback(WithLastResort(theirs))}, want: theirs},
		{value: "stdout", opts: []Option{Fallback(WithLastResort(theirs))}, want: theirs, err: "EPILOGUE_LAST_RESORT"},
		{value: "none", opts: []Option{Fallback(WithLastResort(theirs))}},
		{value: "stderr", opts: []Option{Fallback(WithLastResort(theirs))}, want: os.Stderr},
		{value: "", opts: []Option{Fallback(WithLastResort(theirs)), WithLastResort(mine)}, want: mine},
	} {
		env := map[string]string{lastResortKey: tt.value}
		s, err := New(t.Context(), Options(tt.opts...), WithGetenv(func(key string) string { return env[key] }))
		var got io.Writer
		if r := s.processor.last; r != nil {
			got = r.w
		}
		if got != tt.want {
			t.Errorf("%s=%s: %v, want %v", lastResortKey, tt.value, got, tt.want)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s=%s: error %v, want %q", lastResortKey, tt.value, err, tt.err)
		}
	}
}

func TestLastResortMaxBytes(t *testing.T) {
	for value, want := range map[string]int{"": lastResortBytes, "5000000": 5000000, "0": lastResortBytes, "1MB": lastResortBytes} {
		env := map[string]string{lastResortKey: "stderr", lastResortBytesKey: value}
		s, err := New(t.Context(), WithGetenv(func(key string) string { return env[key] }))
		if got := s.processor.last.most; got != want {
			t.Errorf("%s=%q: %d, want %d", lastResortBytesKey, value, got, want)
		}
		if bad := value == "0" || value == "1MB"; bad != (err != nil) {
			t.Errorf("%s=%q: %v", lastResortBytesKey, value, err)
		}
	}
}
