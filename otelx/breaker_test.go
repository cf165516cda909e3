package otelx

import (
	"slices"
	"testing"
	"time"
)

func TestBreakerPausesAndLooks(t *testing.T) {
	now := time.Unix(0, 0)
	var b breaker
	if b.open() || b.wait(now) != 0 || b.look(2*time.Second) != 0 {
		t.Errorf("at the beginning: %+v", b)
	}
	var pauses, looks []int64
	for range longLookEvery {
		b.refused(now, 2*time.Second, errDown)
		pauses = append(pauses, b.wait(now).Milliseconds())
		looks = append(looks, b.look(2*time.Second).Milliseconds())
		now = now.Add(b.wait(now))
		if b.wait(now) != 0 || b.wait(now.Add(time.Hour)) != 0 || !b.open() {
			t.Fatalf("no probe is due after the pause: %+v", b)
		}
	}
	if want := []int64{0, 100, 400, 1600, 6400, 25600, 60000, 60000}; !slices.Equal(pauses[:8], want) {
		t.Errorf("pauses of %v ms, want %v", pauses, want)
	}
	if want := []int64{500, 250, 125, 100, 500, 100, 100, 100, 100, 500, 100}; !slices.Equal(looks[:11], want) {
		t.Errorf("looks of %v ms, want %v", looks, want)
	}
	if i := slices.Index(looks, 0); i != longLookEvery-1 {
		t.Errorf("the first look as long as the caller has is number %d, want %d", i+1, longLookEvery)
	}
	b.answered(time.Second)
	if b.open() || b.wait(now) != 0 {
		t.Error("an answer does not close it")
	}
}

func TestBreakerLooksByWhatItHasSeen(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		answer, budget, closed, probe, last time.Duration
	}{
		{5 * ms, 2 * time.Second, time.Second, 500 * ms, 100 * ms},
		{5 * ms, 200 * ms, time.Second, 100 * ms, 100 * ms}, // the caller ends it first
		{120 * ms, 2 * time.Second, time.Second, 500 * ms, 480 * ms},
		{400 * ms, 2 * time.Second, 1600 * ms, 800 * ms, time.Second},
		{900 * ms, 2 * time.Second, 3600 * ms, 1800 * ms, time.Second},
		{5 * ms, 30 * time.Second, 7500 * ms, 7500 * ms, 100 * ms},
		{5 * ms, 0, 0, 100 * ms, 100 * ms},
	} {
		var b breaker
		b.answered(tt.answer)
		if got := b.look(tt.budget); got != tt.closed {
			t.Errorf("%+v: look %v", tt, got)
		}
		b.refused(time.Now(), tt.budget, errDown)
		if got := b.look(tt.budget); got != tt.probe {
			t.Errorf("%+v: first probe %v", tt, got)
		}
		for range 12 {
			b.refused(time.Now(), tt.budget, errDown)
		}
		if got := b.look(tt.budget); got != tt.last {
			t.Errorf("%+v: later probe %v", tt, got)
		}
	}
}

// A flush that had no time for an answer says nothing about the backend.
func TestShortFlushesProveLittle(t *testing.T) {
	var b breaker
	b.unanswered(time.Now(), minLook-20*time.Millisecond, time.Second, errDown)
	if b.open() {
		t.Error("opened by a flush shorter than a look")
	}
	b.unanswered(time.Now(), 20*time.Millisecond, time.Second, errDown)
	if b.failures != 1 {
		t.Error("not opened by short flushes that together waited for a look")
	}
	b.unanswered(time.Now(), 249*time.Millisecond, time.Second, errDown)
	if b.failures != 1 {
		t.Error("a probe shorter than its look counted")
	}
	b.unanswered(time.Now(), time.Millisecond, time.Second, errDown)
	if b.failures != 2 {
		t.Error("probes that together waited for a look did not count")
	}
}

// Where a frozen environment's monotonic clock stands still, its wall clock goes on.
func TestBreakerHeedsBothClocks(t *testing.T) {
	now := time.Now()
	var b breaker
	for range 8 {
		b.refused(now, time.Second, errDown)
	}
	if wall := now.Round(0).Add(time.Hour); b.wait(wall) != 0 {
		t.Errorf("an hour later by the wall clock there are %v to wait", b.wait(wall))
	}
}

func TestBreakerStateStrings(t *testing.T) {
	for s, want := range map[BreakerState]string{
		BreakerClosed: "closed", BreakerOpen: "open", BreakerHalfOpen: "half-open", 7: "BreakerState(7)",
	} {
		if s.String() != want {
			t.Errorf("%d is %q", int(s), s)
		}
	}
}

// A backend that was quick and has become slow is found by the second flush, with the first probe.
func TestBreakerFindsABackendThatHasBecomeSlow(t *testing.T) {
	var b breaker
	b.answered(5 * time.Millisecond)
	b.unanswered(time.Now(), time.Second, 2*time.Second, errDown)
	if !b.open() || b.wait(time.Now()) != 0 || b.look(2*time.Second) != 0 {
		t.Errorf("the first probe has no time: %+v", b)
	}
	b.unanswered(time.Now(), 2*time.Second, 2*time.Second, errDown)
	if got := b.look(2 * time.Second); b.failures != 2 || got != 250*time.Millisecond {
		t.Errorf("the second probe looks %v: %+v", got, b)
	}
}

// Nor does one that is slow have to be silent for several flushes before it counts as down.
func TestSilenceForAFlushIsProof(t *testing.T) {
	var b breaker
	b.answered(1500 * time.Millisecond)
	for i := range 3 {
		b.unanswered(time.Now(), 1999*time.Millisecond, 2*time.Second, errDown)
		if b.failures != i+1 {
			t.Fatalf("after %d flushes in vain: %+v", i+1, b)
		}
	}
}
