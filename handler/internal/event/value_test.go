package event_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// all is more members and elements than any test has.
const all = 1 << 20

// decode returns what encoding/json makes of a value, by the methods of Value alone. Numbers are their nearest integers, and
// other scalars are nil.
func decode(v event.Value) any {
	switch {
	case v.IsObject():
		m := map[string]any{}
		for _, member := range v.Members(all) {
			m[member.Name] = decode(member.Value)
		}
		return m
	case v.IsList():
		list := []any{}
		v.Each(all, func(element event.Value) { list = append(list, decode(element)) })
		return list
	case v.IsString():
		return v.Text()
	case v.IsTrue():
		return true
	}
	if n, ok := v.Integer(); ok {
		return n
	}
	return nil
}

// FuzzValue: JSON text and its decoded form have the same values. encoding/json is the oracle.
func FuzzValue(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-2.5,1e3,"x\u00e9\ud83d\ude00\n",true,false,null,{}],"b":{"a":[]},"a":{"\u0061\"":"\\"}}`, ` [ { } , [ ] ] `, `"\ud800"`, `1e400`,
		"{\"\xff\":\"\xfe\\\"\",\"\\ufffd\":1}", `{"a":"` + `\\\\\"` + `"}`, `9007199254740993`, `{"a":{`, `[1,]`, `{"a"1}`, ``, `]`, `{"a":}`,
		`"\u0041\ud83d\ude00\ud83d"`, `"\"\\\/\b\f\n\r\t"`, "\"\xff\xfe\xed\xa0\x80é\\n\"", `"\ud800\u0041"`, "\"\xc4\xeb\x90\xa9\"", `"\uA0000"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		got := decode(event.JSON(text))
		if !bytes.Equal(before, text) {
			t.Errorf("%q became %q", before, text)
		}
		var decoded any
		if json.Unmarshal(text, &decoded) != nil {
			return // it did not panic
		}
		if diff := cmp.Diff(decode(event.Of(reflect.ValueOf(&decoded).Elem())), got); diff != "" {
			t.Errorf("%q (-decoded +text):\n%s", text, diff)
		}
	})
}

type inner struct {
	Shared  string
	Renamed string `json:"other_name"`
	Skipped string `json:"-"`
	Deeper  string `json:"Number"`
}

type outer struct {
	*inner
	Shared string
	Deep   *struct{ Text *string }
	Any    any
	Number json.Number
	Raw    json.RawMessage
	hidden string
}

// TestStruct: a struct has the members of its JSON text.
func TestStruct(t *testing.T) {
	text := "x"
	v := event.Of(reflect.ValueOf(&outer{
		inner: &inner{Shared: "inner", Renamed: "r", Skipped: "s"}, Shared: "outer", Any: map[string]any{"a": 1.0},
		Deep: &struct{ Text *string }{&text}, Number: "17", Raw: json.RawMessage(` {"a":"b"} `), hidden: "h",
	}))
	want := map[string]any{
		"Shared": "outer", "other_name": "r", "Deep": map[string]any{"Text": "x"}, "Any": map[string]any{"a": int64(1)},
		"Number": int64(17), "Raw": map[string]any{"a": "b"},
	}
	if diff := cmp.Diff(want, decode(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if missing := event.Of(reflect.ValueOf(outer{})).Get("other_name"); missing.Present() {
		t.Error("a nil embedded struct has a member")
	}
}

// TestSelect asserts that the elements beyond the limit are counted, and that an element that is no object has no members.
func TestSelect(t *testing.T) {
	const text = `[{"a":"1","b":{"a":"no"}},7,{"c":"\"}"},{"\u0061":"2","a":"3"},{"a":"4"}]`
	var decoded any
	if err := json.Unmarshal([]byte(text), &decoded); err != nil {
		t.Fatal(err)
	}
	for _, v := range []event.Value{event.JSON([]byte(text)), event.Of(reflect.ValueOf(decoded))} {
		var got []string
		n := v.Each(4, func(element event.Value) {
			o := element.Select("a")
			got = append(got, o.Get("a").Text())
		})
		if want := []string{"1", "", "", "3"}; n != 5 || !cmp.Equal(got, want) {
			t.Errorf("%d elements, %q, want 5 and %q", n, got, want)
		}
	}
}

// TestMembersBound: of too many members the first by name are kept, in any order of the text, and the last of one name.
func TestMembersBound(t *testing.T) {
	for _, text := range []string{
		`{"d":1,"c":1,"b":1,"a":1,"b":2}`, `{"a":1,"b":1,"b":2,"c":1,"d":1}`, `{"b":1,"d":1,"a":1,"c":1,"b":2,"e":0}`,
		`{"b":1,"b":1,"b":1,"b":2,"c":1,"a":1}`,
	} {
		var got []string
		for _, m := range event.JSON([]byte(text)).Members(2) {
			n, _ := m.Value.Integer()
			got = append(got, m.Name+strconv.FormatInt(n, 10))
		}
		if want := []string{"a1", "b2"}; !cmp.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
