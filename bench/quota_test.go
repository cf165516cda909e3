package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestQuotaThatCanNotBeMadeIsSkippedWithTheReason(t *testing.T) {
	var out strings.Builder
	b := new(bench)
	if err := underQuota(t.Context(), &out, filepath.Join(t.TempDir(), "missing"), b); err != nil {
		t.Error(err)
	}
	if got := out.String(); !strings.Contains(got, "skipped") || !strings.Contains(got, "no such file") {
		t.Errorf("got %q", got)
	}
}

func TestCommandInAQuotaIsTheSameProgram(t *testing.T) {
	var none *quota
	if got := none.command("/bin/true").String(); got != "true" {
		t.Errorf("got %q", got)
	}
	q := &quota{dir: "/cgroup"}
	if got := q.command("/bin/true").String(); !strings.HasPrefix(got, "sh -c") || !strings.HasSuffix(got, "/cgroup/cgroup.procs /bin/true") {
		t.Errorf("got %q", got)
	}
}
