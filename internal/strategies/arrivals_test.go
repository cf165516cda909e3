package strategies

import (
	"math/rand/v2"
	"time"
)

// arrivals is when invocations come to one environment, counted from the first. The generators have fixed seeds.
type arrivals struct {
	name, doc string
	times     []time.Duration
}

var patterns = []arrivals{
	{"steady, 50 a second", "an invocation every 20 ms, for 40 s", steadily(20*time.Millisecond, 2000)},
	{"steady, 1 a second", "an invocation every second, for 10 minutes", steadily(time.Second, 600)},
	{"short bursts", "40 bursts of 2 to 60 invocations, 150 ms apart on average, after pauses of 4 minutes on average", bursts(1, 40)},
	{"long bursts", "12 bursts of 100 to 400 invocations, 400 ms apart on average, after pauses of 10 minutes on average", bursts2(3, 12)},
	{"sparse", "an invocation every 10 minutes, for 12 hours", steadily(10*time.Minute, 72)},
	{"a day", "24 hours of 2 minutes each, at random, from 1 invocation in the quietest to 2 a second in the busiest", day(2)},
}

func steadily(gap time.Duration, n int) (times []time.Duration) {
	for i := range n {
		times = append(times, time.Duration(i)*gap)
	}
	return times
}

// bursts are n of them, at random intervals that know nothing of each other.
func bursts(seed uint64, n int) (times []time.Duration) {
	random := rand.New(rand.NewPCG(seed, seed))
	at := time.Duration(0)
	for range n {
		for range 2 + random.IntN(59) {
			times = append(times, at)
			at += exponential(random, 150*time.Millisecond)
		}
		at += exponential(random, 4*time.Minute)
	}
	return times
}

// day has the arrivals of an hour be random, at a rate that goes with the hour.
func day(seed uint64) (times []time.Duration) {
	const hour = 2 * time.Minute
	random := rand.New(rand.NewPCG(seed, seed))
	rates := [24]int{3, 2, 1, 1, 1, 2, 5, 20, 60, 120, 160, 200, 240, 220, 200, 180, 150, 120, 100, 80, 50, 25, 10, 5} // an hour
	for h, rate := range rates {
		for at := time.Duration(0); ; {
			at += exponential(random, hour/time.Duration(rate))
			if at >= hour {
				break
			}
			times = append(times, time.Duration(h)*hour+at)
		}
	}
	return times
}

// exponential draws an interval of this mean, in whole milliseconds.
func exponential(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(random.ExpFloat64() * float64(mean)).Truncate(time.Millisecond)
}

func bursts2(seed uint64, n int) (times []time.Duration) {
	random := rand.New(rand.NewPCG(seed, seed))
	at := time.Duration(0)
	for range n {
		for range 100 + random.IntN(301) {
			times = append(times, at)
			at += exponential(random, 400*time.Millisecond)
		}
		at += exponential(random, 10*time.Minute)
	}
	return times
}
