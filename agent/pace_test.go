package agent

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

var start0 = time.Unix(1_700_000_000, 0)

// at is the moment d after the agent's start, by clocks that agree.
func at(d time.Duration) instant { return instant{wall: start0.Add(d), mono: d} }

func every(gap time.Duration, n int) (ends []time.Duration) {
	for i := range n {
		ends = append(ends, time.Duration(i)*gap)
	}
	return ends
}

// TestPace has invocations that take no time end at the given times: F is a flush, a dot is none.
func TestPace(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, tt := range []struct {
		name     string
		strategy FlushStrategy
		ends     []time.Duration
		want     string
	}{
		{"end: each", AtEnd(), every(10*ms, 5), "FFFFF"},
		{"periodic: one a period", Periodic(3 * s), every(s, 8), "F..F..F."},
		{"periodic: the first that comes a period later", Periodic(3 * s), every(2*s, 6), "F.F.F."},
		{"periodic: thin traffic waits for nothing", Periodic(3 * s), every(3*s, 5), "FFFFF"},
		{"adaptive: thin traffic waits for nothing", Adaptive(10 * s), every(5001*ms, 12), "FFFFFFFFFFFF"},
		{"adaptive: dense for a period, then every half of one", Adaptive(8 * s), every(s, 19), "FFFFFFFF....F....F."},
		{"adaptive: half a period apart is dense", Adaptive(10 * s), every(5*s, 9), "FF.F.F.F."},
		{
			"adaptive: a late one flushes all, and so do those of a period after it", Adaptive(4 * s),
			[]time.Duration{0, s, 2 * s, 3 * s, 4 * s, 5 * s, 3600 * s, 3601 * s, 3602 * s, 3603 * s, 3604 * s, 3605 * s},
			"FFFF..FFFF..",
		},
		{"adaptive: a short burst waits for nothing", Adaptive(10 * s), every(s, 10), "FFFFFFFFFF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, got := pace{strategy: tt.strategy}, []byte(nil)
			for _, end := range tt.ends {
				if !p.due(at(end), at(end)) {
					got = append(got, '.')
					continue
				}
				got = append(got, 'F')
				p.landed(at(end), nil)
			}
			if string(got) != tt.want {
				t.Errorf("flushes %s, want %s", got, tt.want)
			}
		})
	}
}

// TestPaceCountsFromTheBegin: what a long invocation has ended early waits since then.
func TestPaceCountsFromTheBegin(t *testing.T) {
	p := denseFor(Adaptive(4 * time.Second))
	now := p.last.mono + time.Second
	if p.due(at(now-1999*time.Millisecond), at(now)) {
		t.Error("an invocation of less than half a period is not put off")
	}
	p.cleared()
	now += time.Second
	if !p.due(at(now-2*time.Second), at(now)) {
		t.Error("one of half a period is put off")
	}
}

// denseFor is a pace in the midst of dense traffic, with nothing waiting.
func denseFor(s FlushStrategy) pace {
	p := pace{strategy: s}
	for _, end := range every(s.period/8, 20) {
		p.due(at(end), at(end))
		p.landed(at(end), nil)
	}
	return p
}

func TestPaceAfterAFailureIsThatOfEnd(t *testing.T) {
	for _, s := range []FlushStrategy{Periodic(8 * time.Second), Adaptive(8 * time.Second)} {
		p := denseFor(s)
		now := p.last.mono
		p.landed(at(now), errors.New("no"))
		for range 3 {
			if now += time.Second; !p.due(at(now), at(now)) {
				t.Errorf("%v: a flush is put off after one that failed", s)
			}
		}
		p.landed(at(now), nil)
		if now += time.Second; p.due(at(now), at(now)) {
			t.Errorf("%v: a flush is not put off after one that went well", s)
		}
	}
}

// TestPaceOfAFlushThatCameTooEarly: a flush in the middle of things does not speak for an end after it began.
func TestPaceOfAFlushThatCameTooEarly(t *testing.T) {
	p := denseFor(Adaptive(8 * time.Second))
	end := p.last.mono + time.Second
	if p.due(at(end), at(end)) {
		t.Fatal("not put off")
	}
	p.landed(at(end-time.Millisecond), nil)
	if p.oldest.isNever() {
		t.Error("what has ended since is taken for delivered")
	}
	p.landed(at(end), nil)
	if !p.oldest.isNever() {
		t.Error("what had ended before is taken for waiting")
	}
}

func TestInstantBelievesTheClockThatSaysMore(t *testing.T) {
	noon := instant{wall: start0, mono: time.Minute}
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
		if got := noon.until(instant{wall: start0.Add(tt.wall), mono: noon.mono + tt.mono}); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestPaceKeepsItsPromise has invocations of random lengths end at random times, and follows the one that has waited for
// longest since its begin, at each end.
func TestPaceKeepsItsPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, s := range []FlushStrategy{AtEnd(), Periodic(10 * time.Second), Adaptive(10 * time.Second)} {
		p := pace{strategy: s}
		var now, oldest, ended, last time.Duration // oldest, ended: begin and end of the first that waits; 0: none
		postponed := 0
		for range 200_000 {
			gap := time.Duration(random.Int64N(int64(s.period/2) + 1))
			if random.IntN(50) == 0 {
				gap = time.Duration(random.Int64N(int64(time.Hour)))
			}
			now += gap + 1
			gap = now - last
			begun := now - time.Duration(random.Int64N(int64(min(gap, 5*time.Second))))
			waited := now - oldest // until now, had it been flushed by this end
			if oldest != 0 && s.kind == adaptive && gap <= s.period/2 && waited > s.period {
				t.Fatalf("%v: one waits %v, at an end %v after the last", s, waited, gap)
			}
			if oldest != 0 && s.kind == periodic && waited >= s.period+gap {
				t.Fatalf("%v: one waits %v, at an end %v after the last", s, waited, gap)
			}
			if oldest == 0 {
				oldest, ended = begun, now
			}
			if p.due(at(begun), at(now)) {
				p.landed(at(now), nil)
				oldest = 0
			} else {
				postponed++
				limit := map[strategyKind]time.Duration{adaptive: s.period / 2, periodic: s.period}[s.kind]
				if risked := now - oldest; s.kind == adaptive && risked >= limit || now-ended >= limit {
					t.Fatalf("%v: what began %v ago and ended %v ago is put off", s, risked, now-ended)
				}
			}
			last = now
		}
		if (s.kind == atEnd) != (postponed == 0) {
			t.Errorf("%v: %d postponed", s, postponed)
		}
	}
}
