package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// slack is how many bytes beyond the budget are allowed: the linker rounds segments up to 64 KB on arm64, so a small change
// may be a whole step.
const slack = 100_000

// check fails if more bytes are added than the budget and slack allow.
func check(path string, added int64) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	budget, err := parseBudget(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if added > budget+slack {
		return fmt.Errorf("%d bytes are added to a bare function, %d more than %s allows: `make size` lists them; "+
			"where they are worth it, put %d there, in a commit that says why", added, added-budget, path, added)
	}
	return nil
}

// parseBudget reads the one number of a file whose other lines are empty or begin with #.
func parseBudget(data []byte) (int64, error) {
	var budget int64
	found := false
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		n, err := strconv.ParseInt(string(line), 10, 64)
		if err != nil || n <= 0 || found {
			return 0, fmt.Errorf("%q: want one line with a positive number of bytes", line)
		}
		budget, found = n, true
	}
	if !found {
		return 0, errors.New("no number of bytes")
	}
	return budget, nil
}
