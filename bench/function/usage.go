package function

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Usage are the resources that the process has used since its start.
type Usage struct {
	CPU      time.Duration `json:"cpu"`      // of all threads, in user and in kernel mode
	Resident int           `json:"resident"` // kB of memory, now
	PID      int           `json:"pid"`      // the process, for readGauges
}

// usage asks the kernel: getrusage(2), and VmRSS of /proc/self/status (proc(5)). The peak of getrusage would include the
// process before exec.
func usage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, fmt.Errorf("getrusage: %w", err)
	}
	u := Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), PID: os.Getpid()}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Usage{}, err
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmRSS:"))
	if _, err := fmt.Sscan(string(bytes.TrimSpace(rest[:min(len(rest), 20)])), &u.Resident); err != nil {
		return Usage{}, fmt.Errorf("read VmRSS: %w", err)
	}
	return u, nil
}
