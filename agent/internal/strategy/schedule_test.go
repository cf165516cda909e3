package strategy

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

var start0 = time.Unix(1_700_000_000, 0)

// at is the moment d after the agent's start, by clocks that agree.
func at(d time.Duration) Instant { return Instant{wall: start0.Add(d), mono: d} }

func every(gap time.Duration, n int) (ends []time.Duration) {
	for i := range n {
		ends = append(ends, time.Duration(i)*gap)
	}
	return ends
}

// TestStrategy has invocations that take no time end at the given times: F is a flush, a dot is none.
func TestStrategy(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, tt := range []struct {
		name     string
		strategy Strategy
		ends     []time.Duration
		want     string
	}{
		{"end: each", Strategy{}, every(10*ms, 5), "FFFFF"},
		{"periodic: one a period", New(Periodic, 3*s), every(s, 8), "F..F..F."},
		{"periodic: the first that comes a period later", New(Periodic, 3*s), every(2*s, 6), "F.F.F."},
		{"periodic: thin traffic waits for nothing", New(Periodic, 3*s), every(3*s, 5), "FFFFF"},
		{"adaptive: thin traffic waits for nothing", New(Adaptive, 10*s), every(5001*ms, 12), "FFFFFFFFFFFF"},
		{"adaptive: dense for a period, then every half of one", New(Adaptive, 8*s), every(s, 19), "FFFFFFFF...F...F..."},
		{"adaptive: half a period apart waits for nothing", New(Adaptive, 10*s), every(5*s, 9), "FFFFFFFFF"},
		{"adaptive: a little less is dense", New(Adaptive, 10*s), every(4999*ms, 9), "FFF.F.F.F"},
		{
			"adaptive: a late one flushes all, and so do those of a period after it", New(Adaptive, 4*s),
			[]time.Duration{0, s, 2 * s, 3 * s, 4 * s, 5 * s, 3600 * s, 3601 * s, 3602 * s, 3603 * s, 3604 * s, 3605 * s},
			"FFFF.FFFFF.F",
		},
		{"adaptive: a short burst waits for nothing", New(Adaptive, 10*s), every(s, 10), "FFFFFFFFFF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, got := state{strategy: tt.strategy}, []byte(nil)
			for _, end := range tt.ends {
				if !p.due(at(end)) {
					got = append(got, '.')
					continue
				}
				got = append(got, 'F')
				p.flushed(at(end), nil)
			}
			if string(got) != tt.want {
				t.Errorf("flushes %s, want %s", got, tt.want)
			}
		})
	}
}

// TestStrategyCountsFromWhenNothingWaited: a span that ends between invocations waits no longer than one that ends in them.
// A regression: it was counted from the start of the next invocation, and waited for one and a half periods.
func TestStrategyCountsFromWhenNothingWaited(t *testing.T) {
	const half = 2 * time.Second
	for name, empty := range map[string]func(p *state, now time.Duration){
		"a flush":                      func(p *state, now time.Duration) { p.flushed(at(now), nil) },
		"an end at which nothing does": func(p *state, now time.Duration) { p.emptied(at(now)) },
	} {
		p := denseFor(New(Adaptive, 2*half))
		now := p.lastEnd.mono
		empty(&p, now)
		if p.due(at(now + half - 1)) {
			t.Errorf("%s: the end within half a period is not deferred", name)
		}
		if !p.due(at(now + half)) {
			t.Errorf("%s: what may have waited for half a period waits for another", name)
		}
	}
}

// denseFor is a state in the midst of dense traffic, with nothing waiting.
func denseFor(s Strategy) state {
	p := state{strategy: s}
	for _, end := range every(s.Period/8, 20) {
		p.due(at(end))
		p.flushed(at(end), nil)
	}
	return p
}

func TestStrategyAfterAFailureIsThatOfEnd(t *testing.T) {
	for _, s := range []Strategy{New(Periodic, 8*time.Second), New(Adaptive, 8*time.Second)} {
		p := denseFor(s)
		now := p.lastEnd.mono
		p.flushed(at(now), errors.New("no"))
		for range 3 {
			if now += time.Second; !p.due(at(now)) {
				t.Errorf("%v: a flush is deferred after one that failed", s)
			}
		}
		p.flushed(at(now), nil)
		if now += time.Second; p.due(at(now)) {
			t.Errorf("%v: a flush is not deferred after one that went well", s)
		}
	}
}

func TestInstantBelievesTheClockThatSaysMore(t *testing.T) {
	noon := Instant{wall: start0, mono: time.Minute}
	for _, tt := range []struct {
		name       string
		wall, mono time.Duration // that went by
		want       time.Duration
	}{
		{"both agree", time.Second, time.Second, time.Second},
		{"the monotonic clock stood still in a freeze", time.Hour, time.Second, time.Hour},
		{"the wall clock stood still in a freeze", 0, time.Hour, time.Hour},
		{"the wall clock was set back", -time.Hour, time.Second, time.Second},
	} {
		if got := noon.until(Instant{wall: start0.Add(tt.wall), mono: noon.mono + tt.mono}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestStrategyKeepsItsPromise has invocations end at random times, and something that waits from a moment on at random, in an
// invocation or not, and follows the first that does.
func TestStrategyKeepsItsPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, s := range []Strategy{{}, New(Periodic, 10*time.Second), New(Adaptive, 10*time.Second)} {
		p := state{strategy: s}
		var now, oldest time.Duration // oldest: since when the first waits that does; 0: none does
		deferred := 0
		for range 200_000 {
			gap := time.Duration(random.Int64N(int64(s.Period/2)+1)) + 1
			if random.IntN(50) == 0 {
				gap = time.Duration(random.Int64N(int64(time.Hour)))
			}
			now += gap
			if oldest == 0 && random.IntN(4) > 0 {
				oldest = now - time.Duration(random.Int64N(int64(gap)+1)) + 1
			}
			waited := now - oldest
			if oldest != 0 && s.Kind == Adaptive && gap <= s.Period/2 && waited > s.Period {
				t.Fatalf("%v: one waits %v, at an end %v after the last", s, waited, gap)
			}
			if oldest != 0 && s.Kind == Periodic && waited >= s.Period+gap {
				t.Fatalf("%v: one waits %v, at an end %v after the last", s, waited, gap)
			}
			due := p.due(at(now))
			switch {
			case oldest == 0:
				p.emptied(at(now))
			case due:
				p.flushed(at(now), nil)
				oldest = 0
			default:
				deferred++
			}
		}
		if (s.Kind == AtEnd) != (deferred == 0) {
			t.Errorf("%v: %d deferred", s, deferred)
		}
	}
}
