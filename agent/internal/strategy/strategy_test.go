package strategy

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start0 = time.Unix(1_700_000_000, 0)

func at(d time.Duration) time.Time { return start0.Add(d) }

func every(gap time.Duration, n int) (ends []time.Duration) {
	for i := range n {
		ends = append(ends, time.Duration(i)*gap)
	}
	return ends
}

func parse(t *testing.T, text string) Strategy {
	t.Helper()
	s, ok := Parse(text)
	if !ok {
		t.Fatalf("%q is refused", text)
	}
	return s
}

// TestFlushesOfEachStrategy has invocations that take no time end at the given times: F is a flush, a dot is none.
func TestFlushesOfEachStrategy(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for _, tt := range []struct {
		name, strategy string
		ends           []time.Duration
		want           string
	}{
		{"end: each", "end", every(10*ms, 5), "FFFFF"},
		{"periodic: one a period", "periodic,3s", every(s, 8), "F..F..F."},
		{"periodic: the first that comes a period later", "periodic,3s", every(2*s, 6), "F.F.F."},
		{"periodic: thin traffic waits for nothing", "periodic,3s", every(3*s, 5), "FFFFF"},
		{"adaptive: thin traffic waits for nothing", "adaptive,10s", every(5001*ms, 12), "FFFFFFFFFFFF"},
		{"adaptive: dense for a period, then every half of one", "adaptive,8s", every(s, 19), "FFFFFFFF...F...F..."},
		{"adaptive: half a period apart waits for nothing", "adaptive,10s", every(5*s, 9), "FFFFFFFFF"},
		{"adaptive: a little less is dense", "adaptive,10s", every(4999*ms, 9), "FFF.F.F.F"},
		{
			"adaptive: a late one flushes all, and so do those of a period after it", "adaptive,4s",
			[]time.Duration{0, s, 2 * s, 3 * s, 4 * s, 5 * s, 3600 * s, 3601 * s, 3602 * s, 3603 * s, 3604 * s, 3605 * s},
			"FFFF.FFFFF.F",
		},
		{"adaptive: a short burst waits for nothing", "adaptive,10s", every(s, 10), "FFFFFFFFFF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, got := NewSchedule(parse(t, tt.strategy)), []byte(nil)
			for _, end := range tt.ends {
				if !p.Due(at(end)) {
					got = append(got, '.')
					continue
				}
				got = append(got, 'F')
				p.Flushed(at(end), nil)
			}
			if string(got) != tt.want {
				t.Errorf("flushes %s, want %s", got, tt.want)
			}
		})
	}
}

// denseFor is a schedule in the midst of dense traffic, with nothing waiting.
func denseFor(s Strategy) (p *Schedule, now time.Duration) {
	p = NewSchedule(s)
	for _, now = range every(s.Period/8, 20) {
		p.Due(at(now))
		p.Flushed(at(now), nil)
	}
	return p, now
}

func TestFailedFlushIsFollowedByFlushesUntilOneSucceeds(t *testing.T) {
	for _, text := range []string{"periodic,8s", "adaptive,8s"} {
		p, now := denseFor(parse(t, text))
		p.Flushed(at(now), errors.New("no"))
		for range 3 {
			if now += time.Second; !p.Due(at(now)) {
				t.Errorf("%s: a flush is deferred after one that failed", text)
			}
		}
		p.Flushed(at(now), nil)
		if now += time.Second; p.Due(at(now)) {
			t.Errorf("%s: a flush is not deferred after one that went well", text)
		}
	}
}

// TestClockThatShowsMoreCounts has the two clocks of a process disagree.
func TestClockThatShowsMoreCounts(t *testing.T) {
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
		then := time.Now()
		now := then.Add(tt.wall)
		(*struct { // the layout of time.Time
			wall uint64
			mono int64
		})(unsafe.Pointer(&now)).mono += int64(tt.mono - tt.wall)
		if got := since(then, now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestItemsWaitNoLongerThanPromised has invocations end at random times, and something that waits from a moment on at
// random, in an invocation or not, and follows the first that does.
func TestItemsWaitNoLongerThanPromised(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, text := range []string{"end", "periodic,10s", "adaptive,10s"} {
		s := parse(t, text)
		p := NewSchedule(s)
		var now, oldest time.Duration // oldest: since when the first waits that does; 0: none does
		deferred := 0
		for range 50_000 {
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
			due := p.Due(at(now))
			switch {
			case oldest == 0:
				p.Emptied(at(now))
			case due:
				p.Flushed(at(now), nil)
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
