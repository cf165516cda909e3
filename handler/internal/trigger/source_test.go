package trigger_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// TestSourcesAreComplete enforces "Add an event source" of docs/triggers.md together with TestDocumentation: every
// source has a constant of package handler, and every document has a type.
func TestSourcesAreComplete(t *testing.T) {
	constants, err := os.ReadFile("../../trigger.go")
	if err != nil {
		t.Fatal(err)
	}
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		if !strings.Contains(string(constants), `triggerName = "`+source.String()+`"`) {
			t.Errorf("%s: handler/trigger.go has no constant", source)
		}
	}
	documents, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range documents {
		if eventTypes[strings.TrimSuffix(filepath.Base(file), ".json")] == nil {
			t.Errorf("eventTypes has no type for %s", file)
		}
	}
}
