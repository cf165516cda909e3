package trigger_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// row is what docs/triggers.md says of a source.
type row struct {
	names, attributes []string
	kind, trigger     string
	origin            bool
}

var code = regexp.MustCompile("`([^`]+)`")

// codes returns what stands between backquotes.
func codes(cell string) (all []string) {
	for _, m := range code.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// documented reads the table.
func documented(t *testing.T) map[string]row {
	t.Helper()
	page, err := os.ReadFile("../../../docs/triggers.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 7 || cells[0] == "source" {
			continue
		}
		rows[cells[0]] = row{
			names: codes(cells[2]), kind: cells[3], trigger: strings.Trim(cells[4], "`"),
			attributes: codes(cells[5]), origin: cells[6] != "-",
		}
	}
	return rows
}

// TestDocumentation: the table of the page and the corpus agree, in both directions.
func TestDocumentation(t *testing.T) {
	want := map[string]row{}
	for name := range eventTypes {
		c := trigger.NewReader(nil, trigger.Settings{}).Raw(document(t, name))
		r := want[c.Source.String()]
		if c.Name != "" {
			r.names = append(r.names, c.Name)
		}
		r.kind = c.Kind.String()
		for key, text := range attributesOf(c) {
			if key == "faas.trigger" {
				r.trigger = text
			} else {
				r.attributes = append(r.attributes, key)
			}
		}
		r.origin = r.origin || len(c.Messages) > 0 || c.Caller.Carrier != nil
		want[c.Source.String()] = r
	}
	for source, r := range want {
		slices.Sort(r.names)
		slices.Sort(r.attributes)
		r.names, r.attributes = slices.Compact(r.names), slices.Compact(r.attributes)
		want[source] = r
	}
	if len(want) != int(trigger.Other) {
		t.Errorf("the corpus has documents of %d sources, want %d", len(want), trigger.Other)
	}
	if diff := cmp.Diff(want, documented(t), cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("docs/triggers.md (-corpus +page):\n%s", diff)
	}
}
