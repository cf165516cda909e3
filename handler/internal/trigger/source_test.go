package trigger_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
)

// TestSourcesAreComplete enforces "Add an event source" of docs/triggers.md together with TestDocumentation: every
// source of the table has a file, a constant of package handler, and a document. Every document has a type and is
// accepted by one source alone; by none if it is of no source.
func TestSourcesAreComplete(t *testing.T) {
	constants, err := os.ReadFile("../../trigger.go")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	have := map[trigger.Source]bool{}
	for _, file := range documents {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		source := read(string(document(t, name))).Source
		matching := trigger.Matching(document(t, name))
		if source == trigger.Other && len(matching) > 0 || source != trigger.Other && !slices.Equal(matching, []trigger.Source{source}) {
			t.Errorf("%s is of %v, want %v alone", file, matching, source)
		}
		if corpus.Types[name] == nil {
			t.Errorf("package corpus has no type for %s", file)
		}
		have[source] = true
	}
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		name := source.String()
		file := strings.ToLower(strings.ReplaceAll(name, " ", "")) + ".go"
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("%s: no file %s that describes it", name, file)
		}
		if !strings.Contains(string(constants), `triggerName = "`+name+`"`) {
			t.Errorf("%s: handler/trigger.go has no constant", name)
		}
		if !have[source] {
			t.Errorf("%s: testdata/events has no document", name)
		}
	}
}
