// Package arch has the rules of the repository as tests: imports with a reason for each rule, words of comments, calls of
// recover, and leaked goroutines. It has no code of its own.
package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources are the text files of the repository that people write, by path, without test data.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	texts, root := make(map[string][]byte), filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		if !slices.Contains([]string{".go", ".md"}, filepath.Ext(name)) {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err == nil {
			texts[filepath.ToSlash(relative)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil || len(texts) < 100 {
		t.Fatalf("%d source files found: %v", len(texts), err)
	}
	return texts
}
