package handler_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/handler"
)

// echo is a function that takes an event of one type and returns it, without Wrap and with it.
type echo struct {
	event         reflect.Type
	bare, wrapped lambda.Handler
}

func newEcho(event reflect.Type) echo {
	fn := reflect.MakeFunc(
		reflect.FuncOf(
			[]reflect.Type{reflect.TypeFor[context.Context](), event},
			[]reflect.Type{event, reflect.TypeFor[error]()}, false),
		func(args []reflect.Value) []reflect.Value {
			return []reflect.Value{args[1], reflect.Zero(reflect.TypeFor[error]())}
		}).Interface()
	return echo{event, lambda.NewHandler(fn), lambda.NewHandler(handler.Wrap(fn))}
}

// differs says how the answers to payload differ with and without Wrap; empty if they do not.
func (e echo) differs(payload []byte) string {
	want, wantErr := e.bare.Invoke(context.Background(), payload)
	want = bytes.Clone(want) // of a buffer that the next invocation overwrites
	got, err := e.wrapped.Invoke(context.Background(), payload)
	if fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", wantErr, wantErr) {
		return fmt.Sprintf("error %T %v, without Wrap %T %v", err, err, wantErr, wantErr)
	}
	if !bytes.Equal(got, want) {
		return fmt.Sprintf("%.1000s\nwithout Wrap\n%.1000s", got, want)
	}
	return ""
}

// eventsDir is where the source of the events package is, with the documents that its own tests read.
func eventsDir(tb testing.TB) string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go/events").Output()
	if err != nil {
		tb.Fatalf("go list: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func eventDocuments(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(eventsDir(tb), "testdata", "*.json"))
	if err != nil || len(files) < 50 {
		tb.Fatalf("%d documents, %v", len(files), err)
	}
	documents := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		documents[filepath.Base(file)] = data
	}
	return documents
}

// TestEveryEventTypeRoundTrips gives the documents that aws-lambda-go tests its events with to functions of all their
// types, each document to an eighth of them: it is decoded and encoded, or refused, as without Wrap.
func TestEveryEventTypeRoundTrips(t *testing.T) {
	documents := eventDocuments(t)
	names := slices.Sorted(maps.Keys(documents))
	decoded := 0
	for i, event := range eventTypes {
		e := newEcho(event)
		for j := i % 8; j < len(names); j += 8 {
			if diff := e.differs(documents[names[j]]); diff != "" {
				t.Errorf("%s as %s: %s", names[j], event, diff)
			}
		}
		if _, err := e.bare.Invoke(t.Context(), documents["sqs-event.json"]); err == nil {
			decoded++
		}
	}
	if decoded < len(eventTypes)/2 {
		t.Errorf("one document decodes as %d of %d types: it is errors that were compared", decoded, len(eventTypes))
	}
}

// FuzzEveryEventType does so with any payload.
func FuzzEveryEventType(f *testing.F) {
	echoes := make([]echo, len(eventTypes))
	for i, event := range eventTypes {
		echoes[i] = newEcho(event)
		f.Add(uint16(i), []byte(`{"Records":[{"body":"<&>","eventTime":"2026-01-02T03:04:05Z"}],"version":"2.0","time":1e400,"id":9007199254740993}`))
	}
	f.Fuzz(func(t *testing.T, n uint16, payload []byte) {
		e := echoes[int(n)%len(echoes)]
		if diff := e.differs(payload); diff != "" {
			t.Errorf("%q as %s: %s", payload, e.event, diff)
		}
	})
}

// TestEventTypesAreComplete compares the table with the source of the events package.
func TestEventTypesAreComplete(t *testing.T) {
	known := map[string]bool{}
	for _, event := range eventTypes {
		known[event.Name()] = true
	}
	files, err := filepath.Glob(filepath.Join(eventsDir(t), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range typeSpecs(parsed) {
			if !spec.Name.IsExported() || spec.TypeParams != nil || spec.Assign.IsValid() { // an alias is another type of these
				continue
			}
			seen++
			if !known[spec.Name.Name] {
				t.Errorf("events.%s is not in the table", spec.Name.Name)
			}
		}
	}
	if seen < 300 {
		t.Errorf("only %d types were found in the source", seen)
	}
}

func typeSpecs(file *ast.File) (specs []*ast.TypeSpec) {
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok {
				specs = append(specs, spec)
			}
		}
	}
	return specs
}
