package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// loggedCounts are the span counts of the last line of the function's log.
type loggedCounts map[string]int

var entry = regexp.MustCompile(`traces\.(\w+)=(\d+)`)

// readCounts reads that line and fails unless there is exactly one.
func readCounts(t *testing.T, log string) loggedCounts {
	t.Helper()
	c, found := loggedCounts{}, 0
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "graceful shutdown completed") {
			continue
		}
		found++
		for _, m := range entry.FindAllStringSubmatch(line, -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			c[m[1]] = n
		}
	}
	if found != 1 || len(c) == 0 {
		t.Fatalf("the log has %d lines with counts, want one:\n%s", found, log)
	}
	return c
}

// check compares the counts with the ended spans and the backend's. With unanswered the backend may have more spans than
// the function counts as exported, because answers were lost.
func (c loggedCounts) check(t *testing.T, ended, delivered int, unanswered bool) {
	t.Helper()
	if c["ended"] != ended || c["exported"]+c["pending"]+c["dropped"] != ended {
		t.Errorf("the function says %v; %d spans ended", c, ended)
	}
	if c["dropped"] != 0 {
		t.Errorf("the function dropped %d spans", c["dropped"])
	}
	if c["exported"] > delivered || c["exported"] < delivered && !unanswered {
		t.Errorf("the function says that %d spans were exported; the Collector has %d", c["exported"], delivered)
	}
}
