// Command fill puts its standard input into a page, as a block of code or, with -plain, as it is:
//
//	go run ./cmd/size | go run ./cmd/fill ../docs/performance.md size
//
// It replaces what is between the lines <!-- size --> and <!-- /size -->. Without input it changes nothing, and fails.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	plain := flag.Bool("plain", false, "the input is Markdown")
	flag.Parse()
	if err := run(flag.Args(), *plain); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func run(args []string, plain bool) error {
	if len(args) != 2 {
		return errors.New("want the page and the name of a block in it")
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	page, err = fill(page, args[1], text, plain)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[0], page, 0o644)
}

// fill returns page with text in the place of the named block's content.
func fill(page []byte, name string, text []byte, plain bool) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("nothing to put in")
	}
	before, rest, begun := bytes.Cut(page, fmt.Appendf(nil, "<!-- %s -->\n", name))
	_, after, ended := bytes.Cut(rest, fmt.Appendf(nil, "<!-- /%s -->\n", name))
	if !begun || !ended {
		return nil, fmt.Errorf("no lines <!-- %s --> and <!-- /%[1]s -->", name)
	}
	if !plain {
		text = fmt.Appendf(nil, "```\n%s\n```", text)
	}
	return fmt.Appendf(nil, "%s<!-- %s -->\n%s\n<!-- /%[2]s -->\n%s", before, name, text, after), nil
}
