package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// cgroups is the path of the version 1 controller (Linux, Documentation/scheduler/sched-bwc.rst).
const cgroups = "/sys/fs/cgroup/cpu"

const (
	quotaPeriod = 100_000 // µs
	// quotaShare is µs of each period: a function has one CPU at 1,769 MB, and a share of it in proportion (AWS Lambda
	// Developer Guide, "Configure Lambda function memory").
	quotaShare = 7_000
)

// quota is a cgroup that limits its processes together to the CPU share of a function with 128 MB.
type quota struct{ dir string }

// newQuota makes a cgroup in parent.
func newQuota(parent string) (*quota, error) {
	q := &quota{dir: filepath.Join(parent, fmt.Sprintf("epilogue-bench-%d", os.Getpid()))}
	if err := os.Mkdir(q.dir, 0o755); err != nil {
		return nil, err
	}
	for file, value := range map[string]int{"cpu.cfs_period_us": quotaPeriod, "cpu.cfs_quota_us": quotaShare} {
		if err := os.WriteFile(filepath.Join(q.dir, file), []byte(strconv.Itoa(value)), 0o644); err != nil {
			_ = q.close()
			return nil, err
		}
	}
	return q, nil
}

// close needs all processes to have ended.
func (q *quota) close() error { return os.Remove(q.dir) }

// command is lambdatest.Command inside the quota: a shell enters it and becomes the program. Without a quota there is no
// shell either.
func (q *quota) command(path string) lambdatest.Program {
	if q == nil {
		return lambdatest.Command(path)
	}
	return lambdatest.Command("/bin/sh", "-c", `echo $$ > "$0" && exec "$1"`, filepath.Join(q.dir, "cgroup.procs"), path)
}
