// Package procstart returns the start time of this process.
//
// Linux gives it in clock ticks of 10 ms since the machine's boot. The package's initialization cannot precede the start,
// so it bounds the result. On other systems the start is the time of the package's initialization.
package procstart

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// loaded is the time of this package's initialization.
var loaded = time.Now()

const (
	// longest is the longest plausible time from the start of the process to the package's initialization. A longer
	// one comes from a clock that was set, or from a /proc of another process.
	longest = 10 * time.Second

	// tick is the unit of starttime: USER_HZ is 100 on every architecture that Lambda has (proc_pid_stat(5)).
	tick = 10 * time.Millisecond
)

// Began returns the start time of the process, within 10 ms, and never after the initialization of this package. It is
// zero if that is later than now: the clock is virtual, or was set back.
func Began() time.Time {
	stat, _ := os.ReadFile("/proc/self/stat")
	uptime, _ := os.ReadFile("/proc/uptime")
	return bounded(time.Now(), age(stat, uptime), loaded)
}

// age returns how long ago a process began, or 0 if that is unknown, from /proc/PID/stat and /proc/uptime. The 22nd field
// of stat is the start in ticks since boot (proc_pid_stat(5)). The second field is the command's name in parentheses,
// with any characters. Uptime begins with the seconds since boot.
func age(stat, uptime []byte) time.Duration {
	const starttime, name = 22, 2
	fields, up := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]), bytes.Fields(uptime)
	if len(fields) < starttime-name || len(up) == 0 {
		return 0
	}
	ticks, err := strconv.ParseInt(string(fields[starttime-name-1]), 10, 40) // a duration holds 40 bits of ticks
	if err != nil {
		return 0
	}
	now, err := time.ParseDuration(string(up[0]) + "s")
	if err != nil {
		return 0
	}
	return max(now-time.Duration(ticks)*tick, 0)
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
