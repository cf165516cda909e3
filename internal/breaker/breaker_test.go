package breaker_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/clocktest"
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
		b.Failure(now, errDown)
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

// TestShortFlushesAddUp asserts that flushes too short to tell open the breaker together.
func TestShortFlushesAddUp(t *testing.T) {
	var b breaker.Breaker
	now := time.Now()
	wait := func(d, enough time.Duration) {
		now = now.Add(d)
		b.Unanswered(now, d, enough, errDown)
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
				b.Failure(time.Now(), errDown)
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

// TestClocksDisagree asserts that a pause ends with the clock that is ahead.
func TestClocksDisagree(t *testing.T) {
	now := time.Now()
	until := now.Add(time.Minute)
	for name, c := range map[string]struct{ wall, mono, remain time.Duration }{
		"only the wall clock moved":      {time.Hour, 0, 0},
		"only the monotonic clock moved": {0, time.Hour, 0},
		"both clocks moved":              {20 * time.Second, 20 * time.Second, 40 * time.Second},
		"the wall clock moved further":   {40 * time.Second, time.Second, 20 * time.Second},
	} {
		if got := breaker.Remaining(until, clocktest.Moved(t, now, c.wall, c.mono)); got != c.remain {
			t.Errorf("%s: %v remain, want %v", name, got, c.remain)
		}
	}
}
