package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// slack is how many bytes beyond a budget are allowed: the linker rounds segments up to 64 KB on arm64, so a small change
// may be a whole step.
const slack = 100_000

// names are those of the budgets, in the order of the output.
var names = []string{traces, metrics, logs, signals}

// check fails for each name if more bytes are added than its budget and slack allow.
func check(path string, added map[string]int64) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	budgets, err := parseBudgets(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var exceeded []error
	for _, name := range names {
		if over := added[name] - budgets[name]; over > slack {
			exceeded = append(exceeded, fmt.Errorf("%s: %d bytes are added, %d more than %s allows: `make size` lists the "+
				"packages of traces; if they are worth it, put %d there, in a commit that says why", name, added[name], over, path, added[name]))
		}
	}
	return errors.Join(exceeded...)
}

// parseBudgets reads the lines of a file: one of names and its positive number of bytes, each name once. Empty lines and
// those that begin with # have no meaning.
func parseBudgets(data []byte) (map[string]int64, error) {
	budgets := make(map[string]int64)
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, number, _ := bytes.Cut(line, []byte(" "))
		n, err := strconv.ParseInt(string(number), 10, 64)
		if err != nil || n <= 0 || !slices.Contains(names, string(name)) {
			return nil, fmt.Errorf("%q: want one of %v and a positive number of bytes", line, names)
		}
		if budgets[string(name)] != 0 {
			return nil, fmt.Errorf("%q: %s has two budgets", line, name)
		}
		budgets[string(name)] = n
	}
	for _, name := range names {
		if budgets[name] == 0 {
			return nil, fmt.Errorf("%s has no budget", name)
		}
	}
	return budgets, nil
}
