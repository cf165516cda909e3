package trigger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
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

// TestOrder asserts that the order of members does not count, that the last of several with one name counts, and that
// names may have escape sequences.
func TestOrder(t *testing.T) {
	for name := range eventTypes {
		var event any
		if err := json.Unmarshal(document(t, name), &event); err != nil {
			t.Fatal(err)
		}
		want := dump(read(string(document(t, name))))
		for seed := range int64(20) {
			var text strings.Builder
			shuffle(&text, event, rand.New(rand.NewSource(seed)))
			if diff := cmp.Diff(want, dump(read(text.String()))); diff != "" {
				t.Fatalf("%s, seed %d: %s (-want +got):\n%s", name, seed, text.String(), diff)
			}
		}
	}
}

// shuffle writes a decoded value with the members of each object in a random order. Some have another member with their
// name before them, or a name with an escape sequence.
func shuffle(out *strings.Builder, value any, r *rand.Rand) {
	switch value := value.(type) {
	case map[string]any:
		var members []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			var member strings.Builder
			name := strconv.Quote(key)
			switch r.Intn(4) {
			case 0:
				fmt.Fprintf(&member, `%s : [{"Records":[]}] , `, name)
			case 1:
				name = fmt.Sprintf(`"\u%04x%s`, name[1], name[2:])
			}
			member.WriteString(name + ":")
			shuffle(&member, value[key], r)
			members = append(members, member.String())
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		out.WriteString("{" + strings.Join(members, ",") + "}")
	case []any:
		var elements []string
		for _, element := range value {
			var text strings.Builder
			shuffle(&text, element, r)
			elements = append(elements, text.String())
		}
		out.WriteString("[" + strings.Join(elements, ",") + "]")
	default:
		text, _ := json.Marshal(value)
		out.Write(text)
	}
}
