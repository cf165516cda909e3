package delivery

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestRetryIn(t *testing.T) {
	for _, c := range []struct {
		name                                 string
		policy                               policy
		backoff, retryAfter, remaining, want time.Duration // want -1: no attempt
	}{
		{"the backoff", normal, 20 * ms, 0, 2000 * ms, 20 * ms},
		{"Retry-After if it is longer", normal, 20 * ms, 300 * ms, 2000 * ms, 300 * ms},
		{"the backoff if it is longer", normal, 500 * ms, 300 * ms, 2000 * ms, 500 * ms},
		{"none if the time ends before", normal, 20 * ms, 2000 * ms, 2000 * ms, -1},
		{"shutdown: the backoff", shutdown, 20 * ms, 0, 450 * ms, 20 * ms},
		{"shutdown: a quarter of the time", shutdown, 100 * ms, 0, 80 * ms, 20 * ms},
		{"shutdown: at most 100 ms", shutdown, 800 * ms, 0, 2000 * ms, 100 * ms},
		{"shutdown: Retry-After that fits", shutdown, 20 * ms, 300 * ms, 450 * ms, 300 * ms},
		{"shutdown: Retry-After that does not", shutdown, 20 * ms, 450 * ms, 450 * ms, 20 * ms},
		{"shutdown: Retry-After before the first attempt", shutdown, 0, 300 * ms, 450 * ms, 300 * ms},
		{"shutdown: a first attempt at once if that does not fit", shutdown, 0, 446 * ms, 450 * ms, 0},
		{"shutdown: at least 5 ms", shutdown, 20 * ms, 0, 6 * ms, 5 * ms},
		{"shutdown: none in the last 5 ms", shutdown, 20 * ms, 0, 5 * ms, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := c.policy.retryIn(c.backoff, c.retryAfter, c.remaining)
			if ok && got != c.want || ok != (c.want >= 0) {
				t.Errorf("got %v, %v; want %v", got, ok, c.want)
			}
		})
	}
}

func TestKeepsRetrying(t *testing.T) {
	for _, c := range []struct {
		name                   string
		policy                 policy
		stalled, pause, budget time.Duration
		want                   bool
	}{
		{"for 500 ms", normal, 480 * ms, 20 * ms, 1000 * ms, true},
		{"no longer", normal, 481 * ms, 20 * ms, 1000 * ms, false},
		{"for a quarter of a long flush", normal, 2480 * ms, 20 * ms, 10000 * ms, true},
		{"no longer than that", normal, 2481 * ms, 20 * ms, 10000 * ms, false},
		{"for hours without a limit", normal, time.Hour, time.Second, noLimit, true},
		{"shutdown to the end", shutdown, 900 * ms, 20 * ms, 1000 * ms, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.policy.keepsRetrying(c.stalled, c.pause, c.budget); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestHedgeAfter(t *testing.T) {
	for _, c := range []struct{ remaining, want time.Duration }{
		{430 * ms, 215 * ms}, {2000 * ms, 1000 * ms}, {150 * ms, 100 * ms},
	} {
		if got := hedgeAfter(c.remaining); got != c.want {
			t.Errorf("with %v left: after %v, want %v", c.remaining, got, c.want)
		}
	}
}

// TestBackoff asserts that the mean pause begins at 20 ms, doubles, and ends at a second, each within a half of the mean.
func TestBackoff(t *testing.T) {
	var b backoff
	for i, mean := range []time.Duration{20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, 1000 * ms, 1000 * ms} {
		if got := b.next(); got < mean/2 || got >= mean*3/2 {
			t.Errorf("pause %d is %v, want about %v", i+1, got, mean)
		}
	}
}
