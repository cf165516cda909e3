package handler

import (
	"bytes"
	"os"
	"strconv"
)

// peakMemory returns the largest resident memory of the process so far in bytes, 0 if it is not known.
func peakMemory() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	return peakOf(status)
}

// peakOf reads VmHWM from /proc/PID/status (proc_pid_status(5)), which is in units of 1,024 bytes.
func peakOf(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	number, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 53) // in bytes it is below 2^63
	if err != nil || n < 0 {
		return 0
	}
	return n << 10
}
