package event

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
)

// Member is a member of an object.
type Member struct {
	Name  string
	Value Value
}

// Object is an object whose members with some names have been found.
type Object struct {
	Value
	names []string
	texts [][]byte // of JSON text: the members with these names
	shape shape    // of a struct
}

// Select finds the members with these names, with one scan of JSON text. Of several members with one name the last counts,
// as for encoding/json.
func (v Value) Select(names ...string) Object {
	o := Object{Value: v}
	if v.text != nil && v.text[0] == '{' {
		o.names, o.texts = names, make([][]byte, len(names))
		o.scan(&cursor{s: v.text})
	}
	return o
}

// EachObject is Each with the members of each element that have these names. The Object is valid until f returns.
func (v Value) EachObject(max int, names []string, f func(element *Object)) (n int) {
	var o Object
	if v.text == nil {
		return v.Each(max, func(element Value) {
			if o.decoded.Kind() != reflect.Struct || !element.decoded.IsValid() || element.decoded.Type() != o.decoded.Type() {
				o.shape = nil
			}
			o.Value = element
			f(&o)
		})
	}
	if !v.IsList() {
		return 0
	}
	o.names, o.texts = names, make([][]byte, len(names))
	for c := inside(v.text); c.next(); n++ {
		if n >= max {
			c.value()
			continue
		}
		clear(o.texts)
		start := c.i
		if c.s[start] == '{' {
			o.scan(&c)
		} else {
			c.value()
		}
		o.Value = JSON(c.s[start:c.i])
		f(&o)
	}
	return n
}

// scan finds the members of the object at c, and goes to its end.
func (o *Object) scan(c *cursor) {
	c.i++
	for key, ok := c.key(); ok; key, ok = c.key() {
		member := c.value()
		if i := indexOf(o.names, key); i >= 0 {
			o.texts[i] = member
		}
	}
	c.i = min(c.i+1, len(c.s))
}

// indexOf returns which of names a key in JSON text stands for, -1 if none.
func indexOf(names []string, key []byte) int {
	for i, name := range names {
		if string(key) == name {
			return i
		}
	}
	if bytes.IndexByte(key, '\\') < 0 {
		return -1
	}
	return slices.Index(names, string(unquote(key)))
}

// Get returns the member with this name, which must be one of those that were selected.
func (o *Object) Get(name string) Value {
	if o.decoded.Kind() == reflect.Struct {
		if o.shape == nil {
			o.shape = shapeOf(o.decoded.Type())
		}
		return o.field(o.shape[name])
	}
	if o.text == nil {
		return o.member(name)
	}
	for i, selected := range o.names {
		if selected == name {
			return JSON(o.texts[i])
		}
	}
	return Value{}
}

// Get returns one member of an object, with a scan of JSON text.
func (v Value) Get(name string) Value {
	if v.text == nil {
		return v.member(name)
	}
	o := v.Select(name)
	return o.Get(name)
}

// member returns a member of a decoded object.
func (v Value) member(name string) Value {
	switch v.decoded.Kind() {
	case reflect.Struct:
		return v.field(shapeOf(v.decoded.Type())[name])
	case reflect.Map:
		return v.entry(name)
	}
	return Value{}
}

// field returns the field of a struct at an index, which is empty if there is none.
func (v Value) field(index []int) Value {
	switch len(index) {
	case 0:
		return Value{}
	case 1:
		return Of(v.decoded.Field(index[0]))
	}
	found, err := v.decoded.FieldByIndexErr(index)
	if err != nil || !found.CanInterface() { // through a nil embedded pointer, or an unexported struct
		return Value{}
	}
	return Of(found)
}

// entry returns an entry of a map. Maps of the usual types need no reflection.
func (v Value) entry(name string) Value {
	switch m := v.decoded.Interface().(type) {
	case map[string]any:
		return Of(reflect.ValueOf(m[name]))
	case map[string]string:
		if s, ok := m[name]; ok {
			return Value{decoded: reflect.ValueOf(s)}
		}
		return Value{}
	}
	if v.decoded.Type().Key().Kind() != reflect.String {
		return Value{}
	}
	return Of(v.decoded.MapIndex(reflect.ValueOf(name).Convert(v.decoded.Type().Key())))
}

// Members returns the members of an object in the order of their names: the first max of them. Its memory is in
// proportion to max, and its time to the size of the object.
func (v Value) Members(max int) []Member {
	list := smallest{max: max}
	switch {
	case v.text != nil && v.text[0] == '{':
		c := inside(v.text)
		for key, ok := c.key(); ok; key, ok = c.key() {
			list.add(unquote(key), JSON(c.value()))
		}
	case v.decoded.Kind() == reflect.Struct:
		for name, index := range shapeOf(v.decoded.Type()) {
			list.addString(name, v.field(index))
		}
	case v.decoded.Kind() == reflect.Map:
		v.addEntries(&list)
	}
	return list.sorted()
}

// addEntries adds the entries of a map.
func (v Value) addEntries(list *smallest) {
	switch m := v.decoded.Interface().(type) {
	case map[string]any:
		for name, entry := range m {
			list.addString(name, Of(reflect.ValueOf(entry)))
		}
		return
	case map[string]string:
		for name, entry := range m {
			list.addString(name, Value{decoded: reflect.ValueOf(entry)})
		}
		return
	}
	if v.decoded.Type().Key().Kind() != reflect.String {
		return
	}
	for entries := v.decoded.MapRange(); entries.Next(); {
		list.addString(entries.Key().String(), Of(entries.Value()))
	}
}

// smallest keeps the members with the max smallest names. Of several members with one name it keeps the last.
type smallest struct {
	list  []Member
	max   int
	bound string // once max names are known: larger ones are not among the smallest
}

func (s *smallest) add(name []byte, v Value) {
	if s.bound == "" || string(name) <= s.bound {
		s.addString(string(name), v)
	}
}

func (s *smallest) addString(name string, v Value) {
	if s.bound != "" && name > s.bound {
		return
	}
	if s.list == nil {
		s.list = make([]Member, 0, min(s.max, 16))
	}
	s.list = append(s.list, Member{name, v})
	if len(s.list) == 2*s.max {
		s.sorted()
	}
}

// sorted drops all but the smallest and returns them.
func (s *smallest) sorted() []Member {
	slices.SortStableFunc(s.list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	kept := s.list[:0]
	for i := range s.list {
		if i+1 == len(s.list) || s.list[i+1].Name != s.list[i].Name {
			kept = append(kept, s.list[i])
		}
	}
	s.list = kept[:min(len(kept), s.max)]
	if len(s.list) == s.max && s.max > 0 {
		s.bound = s.list[s.max-1].Name
	}
	return s.list
}
