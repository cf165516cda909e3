package trigger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

var update = flag.Bool("update", false, "write the golden files")

// settings are those of the golden files.
var settings = trigger.Settings{RequestHeaders: []string{"accept", "content-type"}, QueryValues: []string{"expand"}}

func document(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// forms returns the cause of a document in each form. All are the same.
func forms(t testing.TB, name string, data []byte) map[string]trigger.Cause {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var numbers any
	var compact bytes.Buffer
	if err := errors.Join(decoder.Decode(&numbers), json.Compact(&compact, data)); err != nil {
		t.Fatal(err)
	}
	rawMessages := reflect.TypeFor[map[string]json.RawMessage]()
	if data[0] == '[' {
		rawMessages = reflect.SliceOf(rawMessages)
	}
	return map[string]trigger.Cause{
		"typed":               typedCause(t, eventTypes[name], data),
		"map":                 typedCause(t, mapType(data), data),
		"map of numbers":      trigger.NewReader(reflect.TypeFor[any](), settings).Typed(reflect.ValueOf(&numbers).Elem()),
		"map of raw messages": typedCause(t, rawMessages, data),
		"raw message":         typedCause(t, reflect.TypeFor[json.RawMessage](), data),
		"bytes":               trigger.NewReader(reflect.TypeFor[[]byte](), settings).Typed(reflect.ValueOf(data)),
		"raw":                 read(string(data)),
		"raw, compact":        read(compact.String()),
	}
}

// mapType is the type of a document without types: a map, or a list of maps.
func mapType(data []byte) reflect.Type {
	if data[0] == '[' {
		return reflect.TypeFor[[]map[string]any]()
	}
	return reflect.TypeFor[map[string]any]()
}

// typedCause decodes data as aws-lambda-go does.
func typedCause(t testing.TB, event reflect.Type, data []byte) trigger.Cause {
	t.Helper()
	v := reflect.New(event)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		t.Fatal(err)
	}
	return trigger.NewReader(event, settings).Typed(v.Elem())
}

// TestCorpus asserts that each document gives the cause of its golden file in every form.
func TestCorpus(t *testing.T) {
	for name := range eventTypes {
		data := document(t, name)
		golden := filepath.Join("testdata", "events", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(dump(read(string(data)))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		for form, cause := range forms(t, name, data) {
			if diff := cmp.Diff(string(want), dump(cause)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, form, diff)
			}
		}
	}
}

// dump writes a cause as golden files have it.
func dump(c trigger.Cause) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source: %s\nkind: %s\nname: %s\nhttp: %t\nbatch: %d\n", c.Source, c.Kind, c.Name, c.HTTP, c.Batch)
	var lines []string
	for _, kv := range c.Attributes {
		lines = append(lines, fmt.Sprintf("  %s = %s\n", kv.Key, kv.Value.String()))
	}
	slices.Sort(lines)
	fmt.Fprintf(&b, "attributes:\n%s", strings.Join(lines, ""))
	dumpOrigin(&b, "caller", c.Caller)
	for i, origin := range c.Messages {
		dumpOrigin(&b, fmt.Sprintf("message %d", i), origin)
	}
	return b.String()
}

func dumpOrigin(b *strings.Builder, name string, o trigger.Origin) {
	if o.Carrier == nil && o.TraceHeader == "" {
		return
	}
	fmt.Fprintf(b, "%s:\n", name)
	if o.TraceHeader != "" {
		fmt.Fprintf(b, "  trace header: %s\n", o.TraceHeader)
	}
	if o.Carrier == nil {
		return
	}
	for _, key := range slices.Sorted(slices.Values(o.Carrier.Keys())) {
		if text := o.Carrier.Get(key); text != "" {
			fmt.Fprintf(b, "  %s: %s\n", key, text)
		}
	}
}
