package trigger_test

import (
	"bytes"
	"encoding/json"
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
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
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

// ways are the forms of a document. All give the same cause.
var ways = map[string]func(t testing.TB, name string, data []byte) trigger.Cause{
	"typed": func(t testing.TB, name string, data []byte) trigger.Cause {
		return typedCause(t, corpus.Types[name], data)
	},
	"map": func(t testing.TB, _ string, data []byte) trigger.Cause {
		return typedCause(t, mapType(data), data)
	},
	"map of numbers": func(t testing.TB, _ string, data []byte) trigger.Cause {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var event any
		if err := decoder.Decode(&event); err != nil {
			t.Fatal(err)
		}
		return trigger.NewReader(reflect.TypeFor[any](), settings).Typed(reflect.ValueOf(&event).Elem())
	},
	"map of raw messages": func(t testing.TB, _ string, data []byte) trigger.Cause {
		if mapType(data) != reflect.TypeFor[map[string]any]() {
			return typedCause(t, reflect.TypeFor[[]map[string]json.RawMessage](), data)
		}
		return typedCause(t, reflect.TypeFor[map[string]json.RawMessage](), data)
	},
	"raw message": func(t testing.TB, _ string, data []byte) trigger.Cause {
		return typedCause(t, reflect.TypeFor[json.RawMessage](), data)
	},
	"bytes": func(_ testing.TB, _ string, data []byte) trigger.Cause {
		return trigger.NewReader(reflect.TypeFor[[]byte](), settings).Typed(reflect.ValueOf(data))
	},
	"raw": func(_ testing.TB, _ string, data []byte) trigger.Cause {
		return trigger.NewReader(nil, settings).Raw(data)
	},
	"raw, compact": func(t testing.TB, _ string, data []byte) trigger.Cause {
		var out bytes.Buffer
		if err := json.Compact(&out, data); err != nil {
			t.Fatal(err)
		}
		return trigger.NewReader(nil, settings).Raw(out.Bytes())
	},
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

// TestCorpus: each document gives the cause of its golden file in every form.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) != len(corpus.Types) {
		t.Fatalf("%d documents, %d types, %v", len(files), len(corpus.Types), err)
	}
	for name := range corpus.Types {
		t.Run(name, func(t *testing.T) {
			data := document(t, name)
			golden := filepath.Join("testdata", "events", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(dump(ways["raw"](t, name, data))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			for way, cause := range ways {
				if diff := cmp.Diff(string(want), dump(cause(t, name, data))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", way, diff)
				}
			}
		})
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

// TestPropagation: a propagator finds the span contexts of the documents.
func TestPropagation(t *testing.T) {
	p := propagation.TraceContext{}
	for name, want := range map[string]int{
		"rest-api": 1, "http-api": 1, "sqs": 1, "sns-in-sqs": 2, "sns": 1, "kinesis": 2, "kafka-msk": 2, "eventbridge": 1, "step-functions": 1,
		"eventbridge-in-sqs": 1, "pipes-sqs": 1, "vpc-lattice": 1, "activemq": 1, "rabbitmq": 1, "appsync": 1, "vpc-lattice-v1": 1, "rest-api-repeated-headers": 1,
	} {
		for way, cause := range ways {
			c := cause(t, name, document(t, name))
			found := 0
			for _, o := range append(c.Messages, c.Caller) {
				if o.Carrier != nil && p.Extract(t.Context(), o.Carrier) != t.Context() {
					found++
				}
			}
			if found != want {
				t.Errorf("%s, %s: %d span contexts, want %d", name, way, found, want)
			}
		}
	}
}

// TestOrder: the order of members does not count.
func TestOrder(t *testing.T) {
	for name := range corpus.Types {
		want := dump(ways["raw"](t, name, document(t, name)))
		for seed := range int64(20) {
			text := shuffled(t, document(t, name), seed)
			if diff := cmp.Diff(want, dump(trigger.NewReader(nil, settings).Raw(text))); diff != "" {
				t.Fatalf("%s, seed %d: %s (-want +got):\n%s", name, seed, text, diff)
			}
		}
	}
}

// shuffled returns JSON text with the members of each object in a random order.
func shuffled(t testing.TB, text []byte, seed int64) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := shuffle(&out, text, rand.New(rand.NewSource(seed))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func shuffle(out *bytes.Buffer, text []byte, r *rand.Rand) error {
	var members map[string]json.RawMessage
	var elements []json.RawMessage
	var keys []string
	switch text[0] {
	case '{':
		if err := json.Unmarshal(text, &members); err != nil {
			return err
		}
		keys = slices.Sorted(maps.Keys(members))
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for _, key := range keys {
			elements = append(elements, members[key])
		}
	case '[':
		if err := json.Unmarshal(text, &elements); err != nil {
			return err
		}
	default:
		out.Write(text)
		return nil
	}
	out.WriteByte(text[0])
	for i, element := range elements {
		if i > 0 {
			out.WriteByte(',')
		}
		if keys != nil {
			fmt.Fprintf(out, "%s:", strconv.Quote(keys[i]))
		}
		if err := shuffle(out, bytes.TrimSpace(element), r); err != nil {
			return err
		}
	}
	out.WriteByte(text[0] + 2) // the closing brace or bracket
	return nil
}
