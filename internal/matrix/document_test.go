package matrix

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// document has the tables.
var document = harness.Section{
	Path:  filepath.Join("..", "..", "docs", "reliability.md"),
	Begin: "<!-- matrix: written by `go test ./internal/matrix -update` -->",
	End:   "<!-- matrix: end -->",
}

const (
	platformHeading = "### Platform: "
	differs         = "- differs: " // before row, column and counts of a cell
)

// render makes the text: a table for each platform with all backends, and for the others the differences from normal.
func render(found map[string]counts) string {
	var b strings.Builder
	b.WriteString("The backend of each column:\n\n")
	for _, backend := range backends {
		fmt.Fprintf(&b, "- **%s**: %s\n", backend.name, backend.doc)
	}
	for p := range platforms {
		fmt.Fprintf(&b, "\n%s%s\n\n%s", platformHeading, platforms[p].name, platforms[p].doc)
		if platforms[p].all {
			b.WriteString("\n\n" + table(&platforms[p], found))
		} else {
			b.WriteString(differences(&platforms[p], found))
		}
	}
	b.WriteString("\n### Reasons\n\n")
	for _, r := range reasons {
		fmt.Fprintf(&b, "- *%s* — %s. %s\n", r.kind, r.cells, r.why)
	}
	return b.String()
}

func table(p *platform, found map[string]counts) string {
	var b strings.Builder
	b.WriteString("| the invocation ends with |")
	for _, backend := range backends {
		fmt.Fprintf(&b, " %s |", backend.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(backends)) + "\n")
	for e := range ends {
		fmt.Fprintf(&b, "| %s |", ends[e].name)
		for k := range backends {
			fmt.Fprintf(&b, " %s |", found[place{p, &ends[e], &backends[k]}.String()])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func differences(p *platform, found map[string]counts) string {
	var columns, list []string
	for k := range backends {
		if !backends[k].every {
			continue
		}
		columns = append(columns, backends[k].name)
		for e := range ends {
			here := found[place{p, &ends[e], &backends[k]}.String()].String()
			if here != found[place{&platforms[0], &ends[e], &backends[k]}.String()].String() {
				list = append(list, fmt.Sprintf("%s%s | %s | %s\n", differs, ends[e].name, backends[k].name, here))
			}
		}
	}
	tested := fmt.Sprintf(" Tested with the backends %s.", strings.Join(columns, ", "))
	if list == nil {
		return tested + " The counts are those of the table for normal.\n"
	}
	return tested + " The counts are those of the table for normal, except:\n\n" + strings.Join(list, "")
}

// readTables returns what the document says about each cell, by place.
func readTables() (map[string]string, error) {
	text, err := document.Read()
	if err != nil {
		return nil, err
	}
	return parseTables(text)
}

func parseTables(text string) (map[string]string, error) {
	cells := make(map[string]string)
	name, columns := "", []string(nil)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, platformHeading):
			name, columns = strings.TrimPrefix(line, platformHeading), nil
		case strings.HasPrefix(line, differs):
			if f := split(strings.TrimPrefix(line, differs)); len(f) == 3 {
				cells[name+"/"+f[0]+"/"+f[1]] = f[2]
			}
		case strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|-"):
			f := split(strings.Trim(line, "|"))
			if columns == nil {
				columns = f
				continue
			}
			for i := 1; i < min(len(f), len(columns)); i++ {
				cells[name+"/"+f[0]+"/"+columns[i]] = f[i]
			}
		}
	}
	for _, p := range places() { // as normal, if the document names no difference
		normal := place{&platforms[0], p.end, p.backend}.String()
		if _, ok := cells[p.String()]; !ok && !p.platform.all {
			cells[p.String()] = cells[normal]
		}
		if cells[p.String()] == "" {
			return nil, fmt.Errorf("%s has no cell %s", document.Path, p)
		}
	}
	return cells, nil
}

func split(row string) []string {
	fields := strings.Split(row, "|")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}
