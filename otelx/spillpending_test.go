package otelx

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSpillPending: a process that ends without Shutdown has its spans written once, and what comes later by the next.
func TestSpillPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, w := &fakeExporter{}, &page{}
		x.answer(down()...)
		s := startSpilling(x, w, sized{batch: 2})
		end(s, "a", "b", "c")
		_ = s.ForceFlush(within(t, time.Second))
		if n := s.SpillPending(within(t, time.Second)); n != 3 {
			t.Errorf("%d written, want 3", n)
		}
		if n := s.SpillPending(within(t, time.Second)); n != 0 {
			t.Errorf("%d written by a second call", n)
		}
		wantStats(t, s, Stats{Ended: 3, Spilled: 3})
		end(s, "d")
		err := s.Shutdown(within(t, time.Second))
		if err == nil || !strings.Contains(err.Error(), "4 of 4 spans written") {
			t.Errorf("Shutdown: %v", err)
		}
		if got := w.names(t); strings.Join(got, "") != "abcd" {
			t.Errorf("wrote %q", got)
		}
		wantStats(t, s, Stats{Ended: 4, Spilled: 4})
		if n := s.SpillPending(within(t, time.Second)); n != 0 {
			t.Errorf("%d written after Shutdown", n)
		}
	})
}

// TestSpillPendingInParts: a call goes on where the one before was cut short, also by the bound of all lines.
func TestSpillPendingInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &page{before: func([]byte) { time.Sleep(300 * time.Millisecond) }} // virtual
		s := startSpilling(&fakeExporter{}, w, sized{})
		endLarge(s, 10, 150<<10)
		total := 0
		for range 4 {
			total += s.SpillPending(within(t, time.Second))
			time.Sleep(time.Second) // a Write under way goes on
		}
		if n := len(w.names(t)); n != 6 || s.Stats().Spilled != 6 { // of 150 KB each, in 1 MiB
			t.Errorf("%d spans in the lines, %d counted, %d returned", n, s.Stats().Spilled, total)
		}
	})
}

// TestSpillPendingHangs: a writer that never returns holds nobody beyond ctx, and after that not even Shutdown.
func TestSpillPendingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &page{gate: make(chan struct{})}
		x := &fakeExporter{}
		x.answer(down()...)
		s := startSpilling(x, w, sized{})
		end(s, "a")
		began := time.Now()
		if n := s.SpillPending(within(t, time.Second)); n != 0 || time.Since(began) != time.Second {
			t.Errorf("%d written after %v", n, time.Since(began))
		}
		if err := s.Shutdown(within(t, time.Second)); err == nil || time.Since(began) != time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(began))
		}
		close(w.gate)
		synctest.Wait()
	})
}

func TestSpillPendingWithoutWriter(t *testing.T) {
	s := start(&fakeExporter{}, sized{})
	end(s, "a")
	if n := s.SpillPending(t.Context()) + new(SDK).SpillPending(t.Context()); n != 0 {
		t.Errorf("%d written", n)
	}
	wantStats(t, s, Stats{Ended: 1, Pending: 1})
}
