package procstart

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of starttime: USER_HZ is 100 on every architecture that Lambda has (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

// age returns how long ago the process began, or 0 if that is unknown.
func age() time.Duration { return ageBy("/proc/self/stat") }

// ageBy is age for the process with that stat file. It runs during the start of a function, so it reads the file with three
// system calls; os.ReadFile makes eight, because it supports files of any length and files that block.
func ageBy(file string) time.Duration {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	var stat [512]byte // the numbers up to the 22nd have 20 digits each at most, the name 64 characters
	n, err := unix.Read(fd, stat[:])
	_ = unix.Close(fd)
	var now unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return since(stat[:n], time.Duration(now.Nano()))
}

// since returns the process's age at now, which counts from the machine's boot, as the 22nd field of /proc/self/stat does.
// That field is rounded down to a tick, so its middle is right within half a tick. The second field is the command's name
// in parentheses, with any characters.
func since(stat []byte, now time.Duration) time.Duration {
	const starttime, name = 22, 2
	const most = 1 << 33 // keeps the number in the range of a duration: nearly three years
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < starttime-name {
		return 0
	}
	ticks, err := strconv.ParseUint(string(fields[starttime-name-1]), 10, 64)
	if err != nil || ticks > most {
		return 0
	}
	return max(now-time.Duration(ticks)*tick-tick/2, 0)
}
