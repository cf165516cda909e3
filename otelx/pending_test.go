package otelx

import (
	"errors"
	"testing"
	"testing/synctest"
)

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 16, batch: 4})
		want := func(when string, spans int, urgent bool) {
			t.Helper()
			if n, u := s.Pending(); n != spans || u != urgent {
				t.Errorf("%s: %d, %t; want %d, %t", when, n, u, spans, urgent)
			}
		}
		flush := func() error { return s.ForceFlush(t.Context()) }
		want("at first", 0, false)
		end(s, "a", "b", "c")
		want("three of sixteen", 3, false)
		end(s, "d")
		want("a quarter", 4, true)

		release := x.hold()
		done := make(chan error, 1)
		go func() { done <- flush() }()
		synctest.Wait()
		want("while they are sent", 4, true)
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want("when they have arrived", 0, false)

		end(s, "e")
		x.answer(outcome{verdict: refused, err: errors.New("400")})
		end(s, "f", "g", "h", "i", "j", "k", "l") // half full: an export begins
		synctest.Wait()
		want("when all are refused and no flush has said so", 0, true)
		if err := flush(); err == nil {
			t.Error("the drops are not reported")
		}
		want("when one has", 0, false)
	})
}

// TestNothingPendingMeansNothingToFlush: where Backlog says that there is nothing, ForceFlush does nothing.
func TestNothingPendingMeansNothingToFlush(t *testing.T) {
	x := &fakeExporter{}
	s := start(x, sized{})
	if n, urgent := s.Pending(); n != 0 || urgent {
		t.Fatalf("%d, %t", n, urgent)
	}
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	wantCalls(t, x)
	if n, urgent := new(SDK).Pending(); n != 0 || urgent {
		t.Errorf("of a disabled SDK: %d, %t", n, urgent)
	}
}
