package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// account is what the function says of its spans in the last line of its log.
type account map[string]int

var entry = regexp.MustCompile(`telemetry\.(\w+)=(\d+)`)

// readAccount finds that line and fails unless there is exactly one.
func readAccount(t *testing.T, log string) account {
	t.Helper()
	a, found := account{}, 0
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
			a[m[1]] = n
		}
	}
	if found != 1 || len(a) == 0 {
		t.Fatalf("the log has %d accounts, want one with counts:\n%s", found, log)
	}
	return a
}

// check compares the account with what happened: spans that ended, and how many of those the backend has. If the
// backend is well at the end, or where requests could get lost but not answers, what the function says has been exported
// is what the backend has; otherwise it may have more.
func (a account) check(t *testing.T, ended, delivered int, unanswered bool) {
	t.Helper()
	if a["ended"] != ended || a["exported"]+a["pending"]+a["dropped"] != ended {
		t.Errorf("the function says %v; %d spans ended", a, ended)
	}
	if a["dropped"] != 0 {
		t.Errorf("the function dropped %d spans", a["dropped"])
	}
	if a["exported"] > delivered || a["exported"] < delivered && !unanswered {
		t.Errorf("the function says that %d spans were exported; the Collector has %d", a["exported"], delivered)
	}
}
