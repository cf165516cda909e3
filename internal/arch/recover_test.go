package arch

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// recovers are the files that may call recover, each with its reason. A path that ends in "/" stands for a directory.
var recovers = []struct{ path, reason string }{
	{"internal/bounded/", "it calls foreign code for all others"},
	{"handler/invocation.go", "it passes the handler's panic on, on top of the handler's frames"},
	{"handler/http.go", "it passes a panic of an http.Handler on"},
	{"lambdatest/", "it imitates the runtime, and shares no code with the tested packages"},
}

// TestRecover fails if a file that is no test calls recover. Package bounded treats panics, runtime.Goexit and the
// methods of errors alike everywhere.
func TestRecover(t *testing.T) {
	used := map[string]bool{}
	for path, text := range sources(t) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !bytes.Contains(text, []byte("recover()")) {
			continue
		}
		at := slices.IndexFunc(recovers, func(r struct{ path, reason string }) bool {
			return path == r.path || strings.HasSuffix(r.path, "/") && strings.HasPrefix(path, r.path)
		})
		if at < 0 {
			t.Errorf("%s calls recover: use internal/bounded", path)
			continue
		}
		used[recovers[at].path] = true
	}
	for _, r := range recovers {
		if !used[r.path] {
			t.Errorf("%s does not call recover any more: remove it from the table", r.path)
		}
	}
}
