package arch

import (
	"bufio"
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retiredTerms are words that this project once used in a meaning of its own, each with the standard term that replaces
// it (docs/glossary.md). A reader who meets one of them cannot look it up anywhere.
var retiredTerms = map[string]string{
	`hush(es|ed)?`:              "honorRetryAfter",
	`strikes`:                   "failures",
	`rebuff(s|ed)?`:             "failed",
	`goodbyes?`:                 "closeNotifyTimeout",
	`mainland`:                  "fixture",
	`straggl(e|es|ed|er|ing)`:   "returnGrace",
	`forsak(e|es|en|ing)`:       "orphaned",
	`letGo|LetGo`:               "released, HandlersNotStarted",
	`sitDown|standUp`:           "encoder pool",
	`(last|Last) ?resort\w*`:    "spill",
	`WriteOut|OutWriter`:        "SpillPending",
	`provisional`:               "ended before the deadline",
	`settlements?|ledgers?`:     "reconcile, counts",
	`witness(es)?|transcripts?`: "recorder, log",
}

// termsExempt are files that have to name a retired term.
var termsExempt = []string{
	"CHANGELOG.md", "internal/arch/terms_test.go", "internal/variables/",
}

// TestRetiredTerms fails on a retired term in code, tests or documentation, and names its replacement.
func TestRetiredTerms(t *testing.T) {
	anyTerm := wholeWord(strings.Join(slices.Collect(maps.Keys(retiredTerms)), "|"))
	terms := make(map[string]*regexp.Regexp)
	for term := range retiredTerms {
		terms[term] = wholeWord(term)
	}
	for path, text := range sources(t) {
		if slices.ContainsFunc(termsExempt, func(exempt string) bool { return strings.HasPrefix(path, exempt) }) {
			continue
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if !anyTerm.Match(lines.Bytes()) {
				continue
			}
			for term, expression := range terms {
				if found := expression.FindString(lines.Text()); found != "" {
					t.Errorf("%s:%d: %q: write %s", path, n, strings.TrimSpace(found), retiredTerms[term])
				}
			}
		}
	}
}

// wholeWord compiles a pattern that matches between characters other than letters, in either case.
func wholeWord(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[^A-Za-z])(?i:` + pattern + `)([^A-Za-z]|$)`)
}

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
		if !slices.Contains([]string{".go", ".md", ".yaml", ".yml", ".mjs"}, filepath.Ext(name)) && name != "Makefile" {
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
