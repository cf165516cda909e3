package arch

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageChecksForLeaks fails if a package with tests has no TestMain that finds leaked goroutines: in a function,
// such a goroutine would be frozen and thawed with its environment.
func TestEveryPackageChecksForLeaks(t *testing.T) {
	checks := map[string]bool{} // by directory that has tests
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		dir := filepath.Dir(path)
		checks[dir] = checks[dir] ||
			bytes.Contains(source, []byte("func TestMain(")) && bytes.Contains(source, []byte("goleak."))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(checks) == 0 {
		t.Fatal("no tests found")
	}
	for dir, ok := range checks {
		if !ok {
			t.Errorf("%s: no TestMain that calls goleak", dir)
		}
	}
}
