package strategies

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// document is where the table is, between the two marks.
var document = filepath.Join("..", "..", "docs", "strategies.md")

const (
	beginMark = "<!-- figures: written by `go test ./internal/strategies -update` -->\n"
	endMark   = "<!-- figures: end -->"
)

// render makes the text between the marks.
func render(told map[string][]figures) string {
	var b strings.Builder
	b.WriteString("| invocations | strategy | flushes | billed | saved | wait: median | longest | waiting in a freeze | left to SIGTERM | lost |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range patterns {
		end := told[p.name][0]
		for i, f := range told[p.name] {
			fmt.Fprintf(&b, "| %s | `%s` | %d | %s | %s | %s | %s | %d | %d | %d |\n",
				p.name, strategies[i], f.flushes, millis(f.billed), saving(end, f),
				short(f.waits[len(f.waits)/2]), short(f.waits[len(f.waits)-1]), f.waiting, f.left, f.lost)
		}
	}
	b.WriteString("\nThe invocations of each pattern:\n\n")
	for _, p := range patterns {
		fmt.Fprintf(&b, "- **%s**: %s; %d in all.\n", p.name, p.doc, len(p.times))
	}
	return b.String()
}

// saving is what is not billed, and how much that is of what end is billed after the response.
func saving(end, f figures) string {
	if f.billed == end.billed {
		return "–"
	}
	saved := end.billed - f.billed
	return fmt.Sprintf("%s, %d %%", millis(saved), saved*100/end.after)
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// short is a wait to the precision that matters.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return millis(d)
	case d < time.Minute:
		return fmt.Sprintf("%d.%d s", d/time.Second, d%time.Second/(100*time.Millisecond))
	default:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
}

// split cuts the document at the marks.
func split() (before, text, after string, err error) {
	data, err := os.ReadFile(document)
	if err != nil {
		return "", "", "", err
	}
	head, rest, found := bytes.Cut(data, []byte(beginMark))
	between, tail, closed := bytes.Cut(rest, []byte(endMark))
	if !found || !closed {
		return "", "", "", fmt.Errorf("%s: the marks are missing", document)
	}
	return string(head), string(between), string(tail), nil
}

func read() (text string, err error) {
	_, text, _, err = split()
	return text, err
}

func write(text string) error {
	before, _, after, err := split()
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(before+beginMark+text+endMark+after), 0o600)
}
