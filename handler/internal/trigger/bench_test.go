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

// BenchmarkRead reads an event of 10 KB of each document of the corpus: decoded to its type, to a map, and as JSON text.
func BenchmarkRead(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		data := grow(b, document(b, name), 10<<10)
		for way, event := range map[string]reflect.Type{"typed": corpus[name], "map": reflect.TypeFor[map[string]any]()} {
			b.Run(name+"/"+way, func(b *testing.B) {
				v := reflect.New(event)
				if err := json.Unmarshal(data, v.Interface()); err != nil {
					b.Fatal(err)
				}
				reader := trigger.NewReader(event, trigger.Settings{})
				benchmark(b, func() trigger.Cause { return reader.Typed(v.Elem()) })
			})
		}
		b.Run(name+"/raw", func(b *testing.B) {
			reader := trigger.NewReader(nil, trigger.Settings{})
			benchmark(b, func() trigger.Cause { return reader.Raw(data) })
		})
	}
}

// benchmark also asks each carrier for what W3C's propagators and X-Ray's do.
func benchmark(b *testing.B, read func() trigger.Cause) {
	b.ReportAllocs()
	for b.Loop() {
		c := read()
		if len(c.Attributes) == 0 {
			b.Fatal("no attributes")
		}
	}
}

// grow makes a document of about size bytes: with more records, a longer body, or a member that nobody asks for.
func grow(t testing.TB, data []byte, size int) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(data, &event); err != nil {
		t.Fatal(err)
	}
	var compact []byte
	pad := `{"sku":"tea","note":"first flush","quantity":2},`
	for n := 1; len(compact) < size; n++ {
		records, isBatch := event["Records"].([]any)
		lists, isKafka := event["records"].(map[string]any)
		switch {
		case isBatch:
			event["Records"] = append(records, records[0])
		case isKafka:
			for key, list := range lists {
				lists[key] = append(list.([]any), list.([]any)[0])
			}
		case event["body"] != nil:
			event["body"] = strings.Repeat(pad, (size-len(data))*9*n/80/len(pad))
		default:
			event["padding"] = strings.Repeat(pad, (size-len(data))*9*n/80/len(pad))
		}
		compact, _ = json.Marshal(event)
	}
	return compact
}
