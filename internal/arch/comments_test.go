package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxSentence is the number of words from which on a sentence is logged.
const maxSentence = 35

var sentenceEnd = regexp.MustCompile(`[.!?:][)"]?(\s|$)`)

// TestWords checks Go comments and texts with the styles of vale, which reads each line of a comment alone. Long sentences of
// comments are only logged.
func TestWords(t *testing.T) {
	forbidden := forbiddenForms(t)
	for path, text := range sources(t) {
		if filepath.Ext(path) != ".go" {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && path != "internal/arch/comments_test.go" {
				if form := forbidden.FindString(text.Value); form != "" {
					t.Errorf("%s:%d: %q is forbidden: see .vale/styles", path, files.Position(text.Pos()).Line, form)
				}
			}
			return true
		})
		for _, group := range file.Comments {
			line := files.Position(group.Pos()).Line
			for _, sentence := range sentences(group) {
				if form := forbidden.FindString(sentence); form != "" {
					t.Errorf("%s:%d: %q is forbidden: see .vale/styles", path, line, form)
				}
				if n := len(strings.Fields(sentence)); n > maxSentence {
					t.Logf("%s:%d: a sentence of %d words: %.60s…", path, line, n, sentence)
				}
			}
		}
	}
}

// forbiddenForms matches the forms that vale's styles reject as errors.
func forbiddenForms(t *testing.T) *regexp.Regexp {
	t.Helper()
	var forms []string
	for _, style := range []string{"Words", "Subjects", "RelativeClauses"} {
		text, err := os.ReadFile("../../.vale/styles/Epilogue/" + style + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(string(text), "\ntokens:\n")
		if _, swap, ok := strings.Cut(string(text), "\nswap:\n"); ok {
			list = swap
		}
		for line := range strings.Lines(list) {
			form, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- "), ": ")
			forms = append(forms, form)
		}
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(forms, "|") + `)\b`)
}

func TestForbiddenFormsOfStyle(t *testing.T) {
	forbidden := forbiddenForms(t)
	for _, planted := range []string{
		"It can not fail.", "It waits for ever.", "A probe in the place of a flush.", "One beside the other.", "It asks in vain.",
		"It heeds Retry-After.", "Nobody waits.", "Whoever has the lock.", "It is to be closed.", "It sends what is pending.",
	} {
		if !forbidden.MatchString(planted) {
			t.Errorf("%q is allowed", planted)
		}
	}
	for _, fine := range []string{"It cannot fail.", "What a flush costs.", "One besides the other."} {
		if forbidden.MatchString(fine) {
			t.Errorf("%q is forbidden", fine)
		}
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

// TestSentences: the rules by which TestWords divides a comment.
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
