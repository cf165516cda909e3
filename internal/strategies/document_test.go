package strategies

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// document has the table.
var document = harness.Section{
	Path:  filepath.Join("..", "..", "docs", "strategies.md"),
	Begin: "<!-- figures: written by `go test ./internal/strategies -update` -->",
	End:   "<!-- figures: end -->",
}

// render makes the text between the marks.
func render(found map[string][]figures) string {
	var b strings.Builder
	b.WriteString("| invocations | strategy | flushes | billed | saved | wait: median | longest | waiting in a freeze | left to SIGTERM | lost |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range patterns {
		end := found[p.name][0]
		for i, f := range found[p.name] {
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

// saving is the time that is not billed, and its share of what end bills after the response.
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
