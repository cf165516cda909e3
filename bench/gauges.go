package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// gauges are the memory and descriptors of a process, from proc(5).
type gauges struct {
	resident    int // kB of memory: VmRSS
	peak        int // the peak of resident since exec, in kB: VmHWM
	descriptors int // open files and sockets
}

// readGauges reads the gauges of a process of the same user.
func readGauges(pid int) (g gauges, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return g, err
	}
	if g.resident, err = kilobytes(string(status), "VmRSS"); err != nil {
		return g, err
	}
	if g.peak, err = kilobytes(string(status), "VmHWM"); err != nil {
		return g, err
	}
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	g.descriptors = len(open)
	return g, err
}

// kilobytes finds a field of /proc/PID/status that is an amount of memory.
func kilobytes(status, field string) (n int, err error) {
	_, rest, _ := strings.Cut(status, "\n"+field+":")
	var unit string
	if _, err := fmt.Sscan(rest, &n, &unit); err != nil || unit != "kB" {
		return 0, fmt.Errorf("read %s of /proc/PID/status: want a number of kB: %.40q", field, rest)
	}
	return n, nil
}

// loadAverage is how many threads ran or waited for a CPU in the last 15 minutes, on average.
func loadAverage() (string, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	averages := strings.Fields(string(text)) // of 1, 5 and 15 minutes
	if len(averages) < 3 {
		return "", fmt.Errorf("read /proc/loadavg: want three averages: %q", text)
	}
	return averages[2], nil
}

// slope is the rise from one sample to the next, by least squares.
func slope(samples []float64) float64 {
	n := float64(len(samples))
	var sum, above, below float64
	for _, v := range samples {
		sum += v
	}
	for i, v := range samples {
		x := float64(i) - (n-1)/2
		above += x * (v - sum/n)
		below += x * x
	}
	if below == 0 { // one sample, or none
		return 0
	}
	return above / below
}
