package trigger_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// BenchmarkRead reads an event of 10 KB made of each document: decoded to its type, to a map, and as JSON text.
// "decoding" is encoding/json for comparison. docs/triggers.md has the results.
func BenchmarkRead(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(eventTypes)) {
		data := grow(b, document(b, name), 10<<10)
		for way, event := range map[string]reflect.Type{"typed": eventTypes[name], "map": mapType(data)} {
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
				if err := json.Unmarshal(data, reflect.New(eventTypes[name]).Interface()); err != nil {
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

// grow makes a document of about size bytes: it repeats the elements of the list of records, or adds a member with much
// text.
func grow(t testing.TB, data []byte, size int) []byte {
	t.Helper()
	var event any
	if err := json.Unmarshal(data, &event); err != nil {
		t.Fatal(err)
	}
	object, _ := event.(map[string]any)
	add := func() { object["body"] = strings.Repeat(`{"sku":"tea","note":"first flush","quantity":2},`, size/60) }
	repeat := func(list []any, set func([]any)) func() {
		first := list
		return func() { list = append(list, first...); set(list) }
	}
	if list, ok := event.([]any); ok {
		add = repeat(list, func(list []any) { event = list })
	}
	if list, ok := object["Records"].([]any); ok {
		add = repeat(list, func(list []any) { object["Records"] = list })
	}
	if lists, ok := object["records"].(map[string]any); ok {
		for key, list := range lists {
			add = repeat(list.([]any), func(list []any) { lists[key] = list })
		}
	}
	for len(data) < size*4/5 {
		add()
		data, _ = json.Marshal(event)
	}
	return data
}
