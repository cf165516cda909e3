package breaker_test

import (
	"errors"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("connection refused")

const ms = time.Millisecond

// TestSchedule asserts how long the breaker stays open after each failure in a row.
func TestSchedule(t *testing.T) {
	var b breaker.Breaker
	now := time.Now()
	if got := b.State(now); got != breaker.Closed {
		t.Fatalf("at first: %v, want closed", got)
	}
	for i, want := range []time.Duration{0, 100 * ms, 400 * ms, 1600 * ms, 6400 * ms, 25600 * ms, time.Minute, time.Minute} {
		b.Failure(now, now, errDown)
		if got := b.Wait(now); got != want {
			t.Errorf("after failure %d: open for %v, want %v", i+1, got, want)
		}
		if want > 0 {
			if got := b.State(now.Add(want - 1)); got != breaker.Open {
				t.Errorf("just before the end of pause %d: %v, want open", i+1, got)
			}
		}
		now = now.Add(want)
		if got := b.State(now); got != breaker.HalfOpen {
			t.Errorf("after pause %d: %v, want half-open", i+1, got)
		}
		if !errors.Is(b.Cause(), errDown) {
			t.Errorf("cause: %v", b.Cause())
		}
	}
	b.Success()
	if b.State(now) != breaker.Closed || b.Cause() != nil || b.Wait(now) != 0 {
		t.Errorf("after a success: %v, %v", b.State(now), b.Cause())
	}
}

// TestAFreezeCounts asserts that either clock alone ends a pause.
func TestAFreezeCounts(t *testing.T) {
	now := time.Now()
	until := now.Add(time.Minute)
	if got := breaker.Remaining(until, now.Add(time.Hour)); got != 0 {
		t.Errorf("both clocks moved: %v remain", got)
	}
	if got := breaker.Remaining(until, now.Add(time.Hour).Round(0)); got != 0 {
		t.Errorf("the wall clock moved: %v remain", got)
	}
	if got := breaker.Remaining(until, now.Add(20*time.Second)); got != 40*time.Second {
		t.Errorf("got %v, want 40s", got)
	}
}

// TestShortFlushesAddUp asserts that flushes too short to tell open the breaker together.
func TestShortFlushesAddUp(t *testing.T) {
	var b breaker.Breaker
	now := time.Now()
	wait := func(d, enough time.Duration) {
		b.Unanswered(now, now.Add(d), enough, errDown)
		now = now.Add(d)
	}
	for range 3 {
		wait(30*ms, 0)
	}
	if got := b.State(now); got != breaker.Closed {
		t.Errorf("after 90 ms without an answer: %v, want closed", got)
	}
	wait(30*ms, 0)
	if got := b.State(now); got != breaker.HalfOpen {
		t.Errorf("after 120 ms without an answer: %v, want half-open", got)
	}
	wait(900*ms, time.Second)
	if got := b.Wait(now); got != 0 {
		t.Errorf("a flush shorter than enough counted as the second failure: open for %v", got)
	}
}

// TestConcurrentFlushesCountOnce asserts that flushes of several signals at the same time are one failure, and that the
// time in which they waited together counts once.
func TestConcurrentFlushesCountOnce(t *testing.T) {
	var b breaker.Breaker
	now := time.Now()
	for range 3 {
		b.Failure(now, now.Add(50*ms), errDown)
	}
	if got := b.Wait(now.Add(50 * ms)); got != 0 {
		t.Errorf("three signals failed together: open for %v, want half-open as after one failure", got)
	}
	b.Failure(now.Add(50*ms), now.Add(60*ms), errDown)
	if got := b.Wait(now.Add(60 * ms)); got != 100*ms {
		t.Errorf("after the next failure: open for %v, want 100ms", got)
	}
	var silent breaker.Breaker
	for range 3 {
		silent.Unanswered(now, now.Add(40*ms), 0, errDown)
	}
	if got := silent.State(now.Add(40 * ms)); got != breaker.Closed {
		t.Errorf("40 ms without an answer, seen by three signals: %v, want closed", got)
	}
}

func TestProbeTimeout(t *testing.T) {
	for _, c := range []struct {
		name          string
		failures      int
		usual, budget time.Duration
		want          time.Duration
	}{
		{"never answered", 1, 0, 2 * time.Second, 100 * ms},
		{"fast backend", 1, 5 * ms, 2 * time.Second, 100 * ms},
		{"four times the usual answer", 1, 60 * ms, 2 * time.Second, 240 * ms},
		{"at most a second", 1, 700 * ms, 2 * time.Second, time.Second},
		{"every eighth probe", 8, 0, 2 * time.Second, 500 * ms},
		{"a slow backend's eighth probe", 16, 200 * ms, 2 * time.Second, 800 * ms},
		{"every 24th probe", 24, 0, 2 * time.Second, 2 * time.Second},
		{"without a limit", 24, 0, 0, 100 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b breaker.Breaker
			for range c.failures {
				b.Failure(time.Now(), time.Now(), errDown)
			}
			if got := b.ProbeTimeout(c.usual, c.budget); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestStateString(t *testing.T) {
	for s, want := range map[breaker.State]string{
		breaker.Closed: "closed", breaker.Open: "open", breaker.HalfOpen: "half-open", 7: "State(7)",
	} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// moved returns what the clocks show if they read t and then move differently, as during a freeze. It relies on the form in
// which package time stores two clocks in one value, and checks the result.
func moved(t *testing.T, at time.Time, wall, mono time.Duration) time.Time {
	t.Helper()
	type clocks struct {
		wall uint64 // seconds from bit 30 on
		mono int64  // nanoseconds
		_    *time.Location
	}
	c := (*clocks)(unsafe.Pointer(&at)) //nolint:gosec // checked below
	before := at
	c.wall += uint64(wall/time.Second) << 30 //nolint:gosec // positive
	c.mono += int64(mono)
	if at.Sub(before) != mono || at.Round(0).Sub(before.Round(0)) != wall {
		t.Fatalf("moved by %v and %v, want %v and %v", at.Sub(before), at.Round(0).Sub(before.Round(0)), mono, wall)
	}
	return at
}

// TestClocksDisagree asserts that a pause ends with the clock that is ahead.
func TestClocksDisagree(t *testing.T) {
	now := time.Now()
	until := now.Add(time.Minute)
	for name, c := range map[string]struct{ wall, mono, remain time.Duration }{
		"only the wall clock moved":      {time.Hour, 0, 0},
		"only the monotonic clock moved": {0, time.Hour, 0},
		"the wall clock moved further":   {40 * time.Second, time.Second, 20 * time.Second},
	} {
		if got := breaker.Remaining(until, moved(t, now, c.wall, c.mono)); got != c.remain {
			t.Errorf("%s: %v remain, want %v", name, got, c.remain)
		}
	}
}
