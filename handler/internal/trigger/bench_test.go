package trigger_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
)

// BenchmarkRead reads an event of 10 KB made of each document: decoded to its type, to a map, and as JSON text. "decoding" is
// encoding/json for comparison. docs/triggers.md has the results.
func BenchmarkRead(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(corpus.Types)) {
		data := grow(b, document(b, name), 10<<10)
		for way, event := range map[string]reflect.Type{"typed": corpus.Types[name], "map": mapType(data)} {
			b.Run(name+"/"+way, func(b *testing.B) {
				v := reflect.New(event)
				if err := json.Unmarshal(data, v.Interface()); err != nil {
					b.Fatal(err)
				}
				reader := trigger.NewReader(event, trigger.Settings{})
				benchmark(b, func() trigger.Cause { return reader.Typed(v.Elem()) })
			})
		}
		b.Run(name+"/decoding", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := json.Unmarshal(data, reflect.New(corpus.Types[name]).Interface()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/raw", func(b *testing.B) {
			reader := trigger.NewReader(nil, trigger.Settings{})
			benchmark(b, func() trigger.Cause { return reader.Raw(data) })
		})
	}
}

func benchmark(b *testing.B, read func() trigger.Cause) {
	b.ReportAllocs()
	for b.Loop() {
		c := read()
		if len(c.Attributes) == 0 {
			b.Fatal("no attributes")
		}
	}
}

// grow makes a document of about size bytes, without white space: it repeats the records, or adds a body or another member.
func grow(t testing.TB, data []byte, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if data[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		return []byte("[" + records(list, size-len(text)) + text[1:])
	}
	text = text[:len(text)-1] // without the last brace
	padding, _ := json.Marshal(strings.Repeat(`{"sku":"tea","note":"first flush","quantity":2},`, (size-len(text))*4/5/48))
	var event struct {
		Records []json.RawMessage
		Lists   map[string][]json.RawMessage `json:"records"`
	}
	_ = json.Unmarshal(data, &event) // of another form it has none
	switch {
	case len(event.Records) > 0:
		text = strings.Replace(text, `"Records":[`, `"Records":[`+records(event.Records, size-len(text)), 1)
	case len(event.Lists) > 0:
		for _, key := range slices.Sorted(maps.Keys(event.Lists))[:1] {
			text = strings.Replace(text, `"`+key+`":[`, `"`+key+`":[`+records(event.Lists[key], size-len(text)), 1)
		}
	case strings.Contains(text, `"requestContext"`):
		text += `,"body":` + string(padding)
	default:
		text += `,"padding":` + string(padding)
	}
	return []byte(text + "}")
}

// records repeats a list as JSON text of at most size bytes, with a comma after each element.
func records(list []json.RawMessage, size int) string {
	var out strings.Builder
	for i := 0; ; i++ {
		var record bytes.Buffer
		_ = json.Compact(&record, list[i%len(list)])
		if out.Len()+record.Len() >= size {
			return out.String()
		}
		out.WriteString(record.String() + ",")
	}
}
