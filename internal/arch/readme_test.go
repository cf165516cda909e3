package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// readmeProgram makes a program of the README's wiring: what the reader's own file has around it.
const readmeProgram = `package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

func handle(context.Context, map[string]string) (string, error) { return "", nil }

`

// TestREADMECompiles builds the first Go block of README.md as it stands there.
func TestREADMECompiles(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	block, _, found := strings.Cut(rest, "```")
	if !found || !strings.Contains(block, "func main()") {
		t.Fatalf("README.md's first Go block is no main function: %q", block)
	}

	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(readmeProgram+block), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "readme"), source)
	cmd.Dir = root // whose module has the imported packages
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("README.md's wiring does not compile: %v\n%s", err, out)
	}
}

var (
	testName   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`)
	definition = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

// TestDocumentsNameExistingTests fails if a document names a test that does not exist.
func TestDocumentsNameExistingTests(t *testing.T) {
	defined, texts := make(map[string]bool), sources(t)
	for path, text := range texts {
		if strings.HasSuffix(path, "_test.go") {
			for _, match := range definition.FindAllSubmatch(text, -1) {
				defined[string(match[1])] = true
			}
		}
	}
	for path, text := range texts {
		if filepath.Ext(path) != ".md" || path == "CHANGELOG.md" {
			continue
		}
		for _, name := range testName.FindAllString(string(text), -1) {
			if !defined[name] {
				t.Errorf("%s names %s, which does not exist", path, name)
			}
		}
	}
}
