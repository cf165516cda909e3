package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	// maxRelativeClauses bounds the relative clauses as nouns in Go comments. Lower it after a rewrite; never raise it.
	maxRelativeClauses = 20
	// maxSentence is the number of words from which on a sentence is logged.
	maxSentence = 35
)

var (
	relativeClause = regexp.MustCompile(`(?i)\b(what|whatever|that which) (is|has|was|it|they)\b`)
	sentenceEnd    = regexp.MustCompile(`[.!?:][)"]?(\s|$)`)
)

// TestComments checks the sentences of Go comments. vale checks Markdown, but it reads each line of a Go comment on its own.
//
// A relative clause as a noun ("what is pending") hides its noun ("pending spans"). Long sentences are only logged.
func TestComments(t *testing.T) {
	clauses := 0
	for path, text := range sources(t) {
		if filepath.Ext(path) != ".go" {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			line := files.Position(group.Pos()).Line
			for _, sentence := range sentences(group) {
				if clause := relativeClause.FindString(sentence); clause != "" && path != "internal/arch/comments_test.go" {
					clauses++
					t.Logf("%s:%d: name the noun instead of the clause %q", path, line, clause)
				}
				if n := len(strings.Fields(sentence)); n > maxSentence {
					t.Logf("%s:%d: a sentence of %d words: %.60s…", path, line, n, sentence)
				}
			}
		}
	}
	if clauses > maxRelativeClauses {
		t.Errorf("%d relative clauses as nouns in comments, at most %d: see the log (-v)", clauses, maxRelativeClauses)
	}
}

// sentences returns the sentences of a comment without its code blocks. A list item ends a sentence.
func sentences(group *ast.CommentGroup) (all []string) {
	var paragraph []string
	flush := func() {
		text := strings.Join(paragraph, " ")
		paragraph = nil
		for text != "" {
			end := len(text)
			if at := sentenceEnd.FindStringIndex(text); at != nil {
				end = at[1]
			}
			all = append(all, strings.TrimSpace(text[:end]))
			text = text[end:]
		}
	}
	for line := range strings.Lines(group.Text()) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "", strings.HasPrefix(line, "\t"):
			flush()
			continue
		case strings.HasPrefix(trimmed, "- "):
			flush()
		}
		paragraph = append(paragraph, trimmed)
	}
	flush()
	return all
}

// TestSentences: the rules by which TestComments divides a comment.
func TestSentences(t *testing.T) {
	const text = " One,\n still one. Two:\n\n   - three\n   - four (\"4.\")\n\n\tcode. not text\n five"
	group := new(ast.CommentGroup)
	for line := range strings.SplitSeq(text, "\n") {
		group.List = append(group.List, &ast.Comment{Text: "//" + line})
	}
	want := []string{"One, still one.", "Two:", "- three", "- four (\"4.\")", "five"}
	got := sentences(group)
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}
