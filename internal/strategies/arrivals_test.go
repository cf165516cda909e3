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
	{"50 a second", "one every 20 ms, for 30 seconds", steadily(20*time.Millisecond, 1500)},
	{"1 a second", "one every second, for 5 minutes", steadily(time.Second, 300)},
	{
		"short bursts", "15 bursts of 2 to 60, at random and 150 ms apart on average, with pauses of 4 minutes on average",
		bursts(1, 15, 2, 60, 150*time.Millisecond, 4*time.Minute),
	},
	{
		"long bursts", "4 bursts of 100 to 400, at random and 400 ms apart on average, with pauses of 10 minutes on average",
		bursts(3, 4, 100, 400, 400*time.Millisecond, 10*time.Minute),
	},
	{"1 in 10 minutes", "one every 10 minutes, for 12 hours", steadily(10*time.Minute, 72)},
	{"a day", "24 hours of one minute each, at random, from 1 in the quietest to 2 a second in the busiest", day(2)},
}

func steadily(gap time.Duration, n int) (times []time.Duration) {
	for i := range n {
		times = append(times, time.Duration(i)*gap)
	}
	return times
}

// bursts are n of them, each of least to most invocations, with random intervals that know nothing of each other.
func bursts(seed uint64, n, least, most int, gap, pause time.Duration) (times []time.Duration) {
	random := rand.New(rand.NewPCG(seed, seed))
	at := time.Duration(0)
	for range n {
		for range least + random.IntN(most-least+1) {
			times = append(times, at)
			at += exponential(random, gap)
		}
		at += exponential(random, pause)
	}
	return times
}

// day has the arrivals of an hour be random, at a rate that goes with the hour.
func day(seed uint64) (times []time.Duration) {
	const hour = time.Minute
	random := rand.New(rand.NewPCG(seed, seed))
	rates := [24]int{3, 2, 1, 1, 1, 1, 2, 5, 15, 30, 60, 80, 100, 120, 110, 100, 90, 75, 60, 50, 40, 25, 12, 5} // an hour
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
