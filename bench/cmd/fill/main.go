// Command fill runs a command and writes its output into a page, as a block of code or, with -plain, unchanged:
//
//	go run ./cmd/fill ../docs/performance.md size go run ./cmd/size
//
// It replaces the text between the lines <!-- size --> and <!-- /size -->. If the command fails, the page does not change.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	plain := flag.Bool("plain", false, "the command prints Markdown")
	flag.Parse()
	if err := run(context.Background(), flag.Args(), *plain); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, plain bool) error {
	if len(args) < 3 {
		return errors.New("want a page, the name of a block in it, and a command")
	}
	path, name, command := args[0], args[1], args[2:]
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd, err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page, err = fill(page, name, text, plain)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644)
}

// fill returns page with text as the content of the named block.
func fill(page []byte, name string, text []byte, plain bool) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("nothing to put in")
	}
	before, rest, begun := bytes.Cut(page, fmt.Appendf(nil, "<!-- %s -->\n", name))
	_, after, ended := bytes.Cut(rest, fmt.Appendf(nil, "<!-- /%s -->\n", name))
	if !begun || !ended {
		return nil, fmt.Errorf("no lines <!-- %[1]s --> and <!-- /%[1]s -->", name)
	}
	if !plain {
		text = fmt.Appendf(nil, "```\n%s\n```", text)
	}
	return fmt.Appendf(nil, "%[1]s<!-- %[2]s -->\n%[3]s\n<!-- /%[2]s -->\n%[4]s", before, name, text, after), nil
}
