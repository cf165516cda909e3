package procstart

import "time"

// loaded is when this package was initialised.
var loaded = time.Now()

// longest is the most that may lie between the process's begin and the package's initialisation. A process has loaded
// long before; what says otherwise is a clock that stepped, or a /proc that is not this process's.
const longest = 10 * time.Second

// Began returns when the process began, within 10 ms, and never after the initialisation of this package. It is zero
// if the clock says that it is earlier now than then: a virtual clock, or one that has been put back.
func Began() time.Time {
	age := age()
	return bounded(time.Now(), age, loaded)
}

// bounded is now less age, but loaded if that lies after it or too long before it.
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
