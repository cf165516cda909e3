package trigger_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
)

// documentsOf returns the names of the documents by their sources, according to the golden files.
func documentsOf(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string][]string{}
	for _, file := range files {
		golden, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".golden")
		if err != nil {
			t.Errorf("%s has no golden file: run go test -run TestCorpus -update, and read the result", file)
			continue
		}
		source, _, _ := strings.Cut(strings.TrimPrefix(string(golden), "source: "), "\n")
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if corpus.Types[name] == nil {
			t.Errorf("package corpus has no type for %s", file)
		}
		documents[source] = append(documents[source], name)
	}
	return documents
}

// TestSourcesAreComplete enforces "Add an event source" of docs/triggers.md: every source of the table has a file, a constant of
// package handler, a document with a golden file that only this source accepts, and a row in the page.
func TestSourcesAreComplete(t *testing.T) {
	constants, err := os.ReadFile("../../trigger.go")
	if err != nil {
		t.Fatal(err)
	}
	rows, documents := documented(t), documentsOf(t)
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		name := source.String()
		file := strings.ToLower(strings.ReplaceAll(name, " ", "")) + ".go"
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("%s: no file %s that describes it", name, file)
		}
		if !strings.Contains(string(constants), `triggerName = "`+name+`"`) {
			t.Errorf("%s: handler/trigger.go has no constant", name)
		}
		if _, ok := rows[name]; !ok {
			t.Errorf("%s: docs/triggers.md has no row", name)
		}
		if len(documents[name]) == 0 {
			t.Errorf("%s: testdata/events has no document", name)
		}
		for _, document := range documents[name] {
			testDetection(t, source, document)
		}
	}
}

// testDetection checks that the source alone accepts a document. Nothing accepts a document of no source.
func testDetection(t *testing.T, source trigger.Source, name string) {
	t.Helper()
	want := []trigger.Source{source}
	if source == trigger.Other {
		want = nil
	}
	if got := trigger.Tellers(document(t, name)); !slices.Equal(got, want) {
		t.Errorf("%s.json is of %v, want %v alone", name, got, want)
	}
}

// TestTypesExist: the table's types are those of the events package.
func TestTypesExist(t *testing.T) {
	exist := map[string]bool{}
	for _, event := range corpus.Types {
		if event.Kind().String() == "ptr" {
			event = event.Elem()
		}
		exist[event.Name()] = true
	}
	for _, value := range []any{
		events.CognitoEventUserPoolsHeader{}, events.SQSMessage{}, events.SNSEventRecord{}, events.KinesisEventRecord{},
		events.KafkaRecord{}, events.ActiveMQMessage{}, events.RabbitMQMessage{},
	} {
		exist[reflect.TypeOf(value).Name()] = true
	}
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		for _, name := range trigger.Types(source) {
			if !exist[name] {
				t.Errorf("%v: no document has the type %s", source, name)
			}
		}
	}
}
