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
	`hasten\w*`:                 "SetExitDeadline",
	`heed(s|ed|ing)?`:           "honor",
	`hush(es|ed)?`:              "honorRetryAfter",
	`confess(es|ed)?`:           "reportBackgroundFailure",
	`glances?`:                  "probe timeout",
	`trifles?`:                  "instantFailure",
	`strikes`:                   "failures",
	`rebuff(s|ed)?`:             "failed",
	`doom(s|ed)?`:               "exitNotice",
	`farewells?`:                "shutdownLine",
	`goodbyes?`:                 "closeNotifyTimeout",
	`mainland`:                  "fixture",
	`straggl(e|es|ed|er|ing)`:   "returnGrace",
	`forsak(e|es|en|ing)`:       "orphaned",
	`letGo|LetGo`:               "released, HandlersNotStarted",
	`sitDown|standUp`:           "encoder pool",
	`(last|Last) ?resort\w*`:    "spill",
	`WriteOut|OutWriter`:        "SpillPending",
	`provisional`:               "ended before the deadline",
	`in vain`:                   "fails",
	`for ever`:                  "forever",
	`can not`:                   "cannot",
	`in the place of`:           "instead of",
	`(?-i:[Nn]obody)`:           "no caller, nothing (name the subject)",
	`whoever|whosoever`:         "the caller (name the subject)",
	`it is to be`:               "must, should",
	`settlements?|ledgers?`:     "reconcile, counts",
	`witness(es)?|transcripts?`: "recorder, log",
}

// termsExempt are files that have to name a retired term.
var termsExempt = []string{
	"CHANGELOG.md", "internal/arch/terms_test.go", "internal/retired/",
}

// TestRetiredTerms fails on a retired term in code, tests or documentation, and names its replacement.
func TestRetiredTerms(t *testing.T) {
	anyTerm := wholeWord(strings.Join(slices.Collect(maps.Keys(retiredTerms)), "|"))
	terms := make(map[string]*regexp.Regexp)
	for term := range retiredTerms {
		terms[term] = wholeWord(term)
	}
	for _, path := range sources(t) {
		if slices.ContainsFunc(termsExempt, func(exempt string) bool { return strings.HasPrefix(path, exempt) }) {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", path))
		if err != nil {
			t.Fatal(err)
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

// sources returns the text files of the repository that people write, without test data.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && path != root) {
			return filepath.SkipDir
		}
		switch filepath.Ext(name) {
		case ".go", ".md", ".yaml", ".yml", ".mjs":
		default:
			if name != "Makefile" {
				return nil
			}
		}
		relative, err := filepath.Rel(root, path)
		paths = append(paths, filepath.ToSlash(relative))
		return err
	})
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d source files found: %v", len(paths), err)
	}
	return paths
}
