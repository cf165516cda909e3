package main

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = "before\n<!-- a -->\nold\n<!-- /a -->\nafter\n"

func TestFill(t *testing.T) {
	for name, test := range map[string]struct {
		block, text string
		plain       bool
		want        string // empty for an error
	}{
		"code":          {block: "a", text: "new\n", want: "before\n<!-- a -->\n```\nnew\n```\n<!-- /a -->\nafter\n"},
		"Markdown":      {block: "a", text: "\n| new |\n", plain: true, want: "before\n<!-- a -->\n| new |\n<!-- /a -->\nafter\n"},
		"nothing":       {block: "a", text: " \n"},
		"no such block": {block: "b", text: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := fill([]byte(page), test.block, []byte(test.text), test.plain)
			if string(got) != test.want || (err != nil) != (test.want == "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestPageStaysWhereTheCommandFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{path, "a", "sh", "-c", "echo half; exit 1"}, false); err == nil {
		t.Error("no error")
	}
	if got, _ := os.ReadFile(path); string(got) != page {
		t.Errorf("the page is %q", got)
	}
	if err := run(t.Context(), []string{path, "a", "echo", "new"}, true); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(path); string(got) == page {
		t.Error("the page has not changed")
	}
}
