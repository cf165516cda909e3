package trigger_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// addCorpus adds the documents, each also cut off, and text that is no event.
func addCorpus(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err, "no documents")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	for _, text := range []string{
		``, `null`, `[]`, `"`, `{"Records"`, `{"Records":[{"eventSource":"aws:sqs","body":"\ud800\u0041\""},1,null]}`,
		`{"requestContext":{"http":{"method":1}},"headers":{"a":["b",1,null]}}`, `{"records":{"a":[{"headers":[[]]}]},"eventSource":"aws:kafka"}`,
		`{"detail-type":"\u0000","source":"\\","detail":"{}"}`, `{"":0,"":0,"":0,"":[0,0,0,0,00`, `{"Records":{` + "\x00", `{ 0`,
		`{"Records":[{"eventSource":"aws:dynamodb","":true}0`, `[{"eventSource":"aws:sns","Sns":{}}]`, `{"raw_path":"?","method":"a"}`,
		"{\"detail-type\":\"0\xff0\",\"source\":\"0\"}", `{"requestContext":{},"httpMethod":"0","headers":{"0":"","a":"1","A":"2"},"body":{}}`,
		`{"eventSource":"aws:kafka","records":{"a-0":[{"topic":"t","x":[1,"]",{"b":[-2,[3]]}],"headers":[{"k":[49,-50]},{"k":[]}]}]}}`,
		`{"detail-type":"\u","source":"\ud800\u12"}`, `{"detail-type":"\ud83d\ude00\","source":1}`, "{\"detail-type\":\"\xff\xfe\",\"source\":\"\xed\xa0\x80\",\"detail\":{\"\\u0061\":\"b\"}}",
	} {
		f.Add([]byte(text))
	}
}

// FuzzRaw asserts that reading any text and asking all carriers does not panic, that attributes are valid UTF-8, and
// that at most 128 messages are asked. If encoding/json accepts the text, the cause is that of the decoded event, and
// no source panics over it.
func FuzzRaw(f *testing.F) {
	addCorpus(f)
	generic := trigger.NewReader(reflect.TypeFor[any](), settings)
	var readers []*trigger.Reader
	for source := trigger.RESTAPI; source <= trigger.Other; source++ {
		readers = append(readers, trigger.NewReader(reflect.TypeFor[any](), trigger.Settings{Source: source}))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		got := trigger.NewReader(nil, settings).Raw(text)
		gotDump := dump(got)
		if len(got.Messages) > 128 || !utf8.ValidString(got.Name) || !bytes.Equal(before, text) {
			t.Errorf("%d messages, name %q, text changed %t", len(got.Messages), got.Name, !bytes.Equal(before, text))
		}
		_ = dump(trigger.Message(text, trigger.SQS))
		var event any
		if json.Unmarshal(text, &event) != nil {
			return
		}
		if diff := cmp.Diff(dump(generic.Typed(reflect.ValueOf(&event).Elem())), gotDump); diff != "" {
			t.Errorf("%q (-map +raw):\n%s", text, diff)
		}
		_ = generic.Response(event)
		for _, reader := range readers {
			c := reader.Typed(reflect.ValueOf(&event).Elem())
			if _ = dump(c); len(c.Attributes) == 0 || len(c.Messages) > 128 {
				t.Errorf("%q: %d attributes, %d messages", text, len(c.Attributes), len(c.Messages))
			}
		}
	})
}
