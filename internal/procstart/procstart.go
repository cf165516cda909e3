// Package procstart returns the start time of this process.
//
// Linux gives the start in clock ticks of 10 ms since the machine's boot. The package's initialization cannot precede the
// start, so it bounds the result. On other systems the start is the time of the package's initialization, which only reads
// the clock.
package procstart

import "time"

// loaded is the time of this package's initialization.
var loaded = time.Now()

// longest is the longest plausible time from the start of the process to the package's initialization. A longer one comes
// from a clock that was set, or from a /proc of another process.
const longest = 10 * time.Second

// Began returns the start time of the process, within 10 ms, and never after the initialization of this package. It is
// zero if that is later than now: the clock is virtual, or was set back.
func Began() time.Time {
	age := age()
	return bounded(time.Now(), age, loaded)
}

// bounded is now minus age, but loaded if the result is after loaded or too long before it.
func bounded(now time.Time, age time.Duration, loaded time.Time) time.Time {
	if now.Before(loaded) {
		return time.Time{}
	}
	began := now.Add(-age)
	if began.After(loaded) || loaded.Sub(began) > longest {
		return loaded
	}
	return began
}
