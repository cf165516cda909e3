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

// render makes the text: a table for each platform with all backends, and for the others the differences from normal.
func render(found map[place]counts) string {
	var b strings.Builder
	b.WriteString("The backend of each column:\n\n")
	for _, backend := range backends {
		fmt.Fprintf(&b, "- **%s**: %s\n", backend.name, backend.doc)
	}
	for p := range platforms {
		fmt.Fprintf(&b, "\n### Platform: %s\n\n%s", platforms[p].name, platforms[p].doc)
		if platforms[p].all {
			b.WriteString("\n\n" + table(&platforms[p], found))
		} else {
			b.WriteString(differences(&platforms[p], found))
		}
	}
	b.WriteString("\n### Reasons\n\n| | where | spans | log records | metrics | why |\n|---|---|---|---|---|---|\n")
	for _, r := range reasons {
		fmt.Fprintf(&b, "| *%s* | %s |", r.kind, r.cells)
		for _, s := range signals {
			fmt.Fprintf(&b, " %s |", map[bool]string{true: "yes", false: "no"}[r.of(s)])
		}
		fmt.Fprintf(&b, " %s |\n", r.why)
	}
	return b.String()
}

func table(p *platform, found map[place]counts) string {
	var b strings.Builder
	b.WriteString("| the invocation ends with |")
	for _, backend := range backends {
		fmt.Fprintf(&b, " %s |", backend.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(backends)) + "\n")
	for e := range ends {
		fmt.Fprintf(&b, "| %s |", ends[e].name)
		for k := range backends {
			fmt.Fprintf(&b, " %s |", found[place{p, &ends[e], &backends[k]}])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func differences(p *platform, found map[place]counts) string {
	var columns, list []string
	for k := range backends {
		if !backends[k].every {
			continue
		}
		columns = append(columns, backends[k].name)
		for e := range ends {
			here := found[place{p, &ends[e], &backends[k]}].String()
			if here != found[place{&platforms[0], &ends[e], &backends[k]}].String() {
				list = append(list, fmt.Sprintf("- %s, %s: %s\n", ends[e].name, backends[k].name, here))
			}
		}
	}
	tested := fmt.Sprintf(" Tested with the backends %s.", strings.Join(columns, ", "))
	if list == nil {
		return tested + " The counts are those of the table for normal.\n"
	}
	return tested + " The counts are those of the table for normal, except:\n\n" + strings.Join(list, "")
}
