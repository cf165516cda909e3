package arch

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageChecksForLeaks fails if a package with tests has no TestMain that finds leaked goroutines: in a function,
// such a goroutine would be frozen and thawed with its environment.
func TestEveryPackageChecksForLeaks(t *testing.T) {
	checks := map[string]bool{} // by directory that has tests
	for path, text := range sources(t) {
		if dir := filepath.Dir(path); strings.HasSuffix(path, "_test.go") {
			checks[dir] = checks[dir] || bytes.Contains(text, []byte("func TestMain(")) && bytes.Contains(text, []byte("goleak."))
		}
	}
	for dir, ok := range checks {
		if !ok {
			t.Errorf("%s: no TestMain that calls goleak", dir)
		}
	}
}
