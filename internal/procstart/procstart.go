package procstart

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// loaded is when this package was initialised.
var loaded = time.Now()

const (
	// tick is the unit of starttime: USER_HZ is 100 on every architecture that Lambda has (proc_pid_stat(5)).
	tick = 10 * time.Millisecond

	// longest is the most that may lie between the process's begin and the package's initialisation. A process has
	// loaded long before; what says otherwise is a clock that stepped, or a /proc that is not this process's.
	longest = 10 * time.Second
)

// Began returns when the process began, within 10 ms, and never after the initialisation of this package. It is zero
// where the clock says that it is earlier now than then: a virtual clock, or one that has been put back.
func Began() time.Time {
	stat, _ := os.ReadFile("/proc/self/stat")
	uptime, _ := os.ReadFile("/proc/uptime")
	now := time.Now()
	age, ok := parse(stat, uptime)
	if !ok {
		age = 0
	}
	return bounded(now, age, loaded)
}

// bounded is now less age, but loaded where that lies after it or too long before it.
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

// parse returns the process's age, the difference of /proc/uptime's first number and /proc/self/stat's 22nd field. Both are
// rounded down to a hundredth of a second (proc_uptime(5), proc_pid_stat(5)), so it is right within one.
func parse(stat, uptime []byte) (age time.Duration, ok bool) {
	up, ok := parseUptime(uptime)
	if !ok {
		return 0, false
	}
	started, ok := parseStarttime(stat)
	if !ok || started > up {
		return 0, false
	}
	return up - started, true
}

// most keeps the numbers of ticks and seconds where a duration can hold them: three years.
const most = 1 << 33

// parseStarttime reads the 22nd field. The second is the command's name in parentheses, with anything in it.
func parseStarttime(stat []byte) (time.Duration, bool) {
	const field, afterName = 22, 3
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	if end < 0 || len(fields) <= field-afterName {
		return 0, false
	}
	ticks, err := strconv.ParseUint(string(fields[field-afterName]), 10, 64)
	if err != nil || ticks > most {
		return 0, false
	}
	return time.Duration(ticks) * tick, true
}

// parseUptime reads the first of the two numbers, seconds with two decimals.
func parseUptime(uptime []byte) (time.Duration, bool) {
	number, _, _ := bytes.Cut(uptime, []byte(" "))
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > most/100 {
		return 0, false
	}
	return (time.Duration(seconds*float64(time.Second)) + tick/2).Truncate(tick), true
}
