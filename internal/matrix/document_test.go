package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// document is where the tables are, between the two marks.
var document = filepath.Join("..", "..", "docs", "reliability.md")

const (
	beginMark = "<!-- matrix: written by `go test ./internal/matrix -update` -->"
	endMark   = "<!-- matrix: end -->"
)

// render makes the text between the marks.
func render(accounts map[string]account) string {
	var b strings.Builder
	b.WriteString("The backend of each column\n\n")
	for _, backend := range backends {
		fmt.Fprintf(&b, "- **%s**: %s\n", backend.name, backend.doc)
	}
	for p := range platforms {
		fmt.Fprintf(&b, "\n### Platform: %s\n\n%s\n\n| the invocation ends with |", platforms[p].name, platforms[p].doc)
		for _, backend := range backends {
			fmt.Fprintf(&b, " %s |", backend.name)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(backends)) + "\n")
		for e := range ends {
			fmt.Fprintf(&b, "| %s |", ends[e].name)
			for k := range backends {
				fmt.Fprintf(&b, " %s |", accounts[place{&platforms[p], &ends[e], &backends[k]}.String()])
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n### Why not more\n\n")
	for _, r := range reasons {
		fmt.Fprintf(&b, "- *%s* — %s. %s\n", r.kind, r.where, r.why)
	}
	return b.String()
}

// split cuts the document at the marks: before, between and after.
func split() (before, text, after string, err error) {
	data, err := os.ReadFile(document)
	if err != nil {
		return "", "", "", err
	}
	head, rest, found := bytes.Cut(data, []byte(beginMark+"\n"))
	between, tail, closed := bytes.Cut(rest, []byte(endMark))
	if !found || !closed {
		return "", "", "", fmt.Errorf("%s: the marks are missing", document)
	}
	return string(head), string(between), string(tail), nil
}

func writeTables(text string) error {
	before, _, after, err := split()
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(before+beginMark+"\n"+text+endMark+after), 0o600)
}

// readTables returns what the document says of each cell, by place.
func readTables() (map[string]string, error) {
	_, text, _, err := split()
	if err != nil {
		return nil, err
	}
	return parseTables(text)
}

func parseTables(text string) (map[string]string, error) {
	cells := make(map[string]string)
	platform := ""
	var columns []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### Platform: "); ok {
			platform, columns = name, nil
			continue
		}
		if platform == "" || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") {
			continue
		}
		fields := strings.Split(strings.Trim(line, "|"), "|")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if columns == nil {
			columns = fields
			continue
		}
		if len(fields) != len(columns) {
			return nil, fmt.Errorf("%s: a row of %d cells in a table of %d: %s", document, len(fields), len(columns), line)
		}
		for i := 1; i < len(fields); i++ {
			cells[platform+"/"+fields[0]+"/"+columns[i]] = fields[i]
		}
	}
	if len(cells) != len(places()) {
		return nil, errors.New("update the document: it has another number of cells")
	}
	return cells, nil
}
