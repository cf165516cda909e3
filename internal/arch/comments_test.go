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

// TestWords checks Go comments and strings for the forms that vale's styles reject as errors. Vale reads each line of a
// comment alone.
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
		check := func(at token.Pos, text string) {
			if form := forbidden.FindString(text); form != "" {
				t.Errorf("%s:%d: %q is forbidden: see .vale/styles", path, files.Position(at).Line, form)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				check(text.Pos(), text.Value)
			}
			return true
		})
		for _, group := range file.Comments {
			check(group.Pos(), strings.ReplaceAll(group.Text(), "\n", " "))
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
		_, list, found := strings.Cut(string(text), "\nswap:\n")
		if !found {
			_, list, _ = strings.Cut(string(text), "\ntokens:\n")
		}
		for line := range strings.Lines(list) {
			form, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- "), ": ")
			forms = append(forms, form)
		}
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(forms, "|") + `)\b`)
}
