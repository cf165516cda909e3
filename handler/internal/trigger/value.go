package trigger

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// value is a value of an event, decoded or as JSON text. Neither is set where there is no such value, or it is null.
type value struct {
	decoded reflect.Value // no pointer and no interface
	raw     []byte        // without white space around it; of a list, more may follow
	in      *reading
}

var (
	rawMessageType = reflect.TypeFor[json.RawMessage]()
	genericType    = reflect.TypeFor[map[string]any]()
	numberType     = reflect.TypeFor[json.Number]()
	timeType       = reflect.TypeFor[time.Time]()
)

// value returns the value that v holds, leads to, or is the text of.
func (r *reading) value(v reflect.Value) value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem() // invalid for nil
	}
	switch v.Kind() {
	case reflect.Invalid:
		return value{}
	case reflect.Map:
		if v.IsNil() {
			return value{}
		}
	case reflect.Slice:
		if v.IsNil() {
			return value{}
		}
		if v.Type() == rawMessageType {
			return r.raw(v.Bytes())
		}
	}
	return value{decoded: v, in: r}
}

// raw returns the value that text is.
func (r *reading) raw(text []byte) value {
	for text = text[space(text, 0):]; len(text) > 0 && meaning[text[len(text)-1]] == end; {
		text = text[:len(text)-1]
	}
	if len(text) == 0 || text[0] == 'n' {
		return value{}
	}
	return value{raw: text, in: r}
}

// present reports whether there is a value.
func (v *value) present() bool { return v.raw != nil || v.decoded.IsValid() }

// or returns v where it is there, else other.
func (v *value) or(other value) value {
	if v.present() {
		return *v
	}
	return other
}

// isObject reports whether v has members.
func (v *value) isObject() bool {
	if v.raw != nil {
		return v.raw[0] == '{'
	}
	return v.decoded.Kind() == reflect.Struct || v.decoded.Kind() == reflect.Map
}

// field asks pick for a member of an object.
type field struct {
	name   string
	into   *value  // nil where it is not asked for itself
	fields []field // of its members
	// word says that the member is a string, with the text of an object which mentions word and has the fields.
	word string
}

// pick finds several members of an object at once. What is not found, or null, stays as it is.
func (v *value) pick(fields ...field) { v.pickUntil(nil, nil, fields) }

// pickUntil is pick, but a walk over JSON text ends with a key for which last, if there is one, returns true.
func (v *value) pickUntil(last func(key []byte) bool, known *order, fields []field) {
	if v.raw != nil {
		if known != nil {
			known.at = 0
		}
		c := within(v.raw, '{')
		v.in.fill(&c, last, fields, known, 1)
		return
	}
	switch v.decoded.Kind() {
	case reflect.Struct:
		shape := v.in.shapes.of(v.decoded.Type())
		for i := range fields {
			if index, ok := shape[fields[i].name]; ok {
				v.in.put(&fields[i], v.structField(index))
			}
		}
	case reflect.Map:
		m, generic := v.decoded.Interface().(map[string]any)
		for i := range fields {
			if !generic {
				v.in.put(&fields[i], v.entry(fields[i].name))
			} else if found, ok := m[fields[i].name]; ok {
				v.in.put(&fields[i], reflect.ValueOf(found))
			}
		}
	}
}

// put puts a decoded member into the field that asks for it, and its members into theirs.
func (r *reading) put(f *field, member reflect.Value) {
	found := r.value(member)
	if !found.present() {
		return
	}
	if f.word != "" {
		r.pickText(&found, f)
	} else if len(f.fields) > 0 {
		found.pickUntil(nil, nil, f.fields)
	}
	if f.into != nil {
		*f.into = found
	}
}

// fill is one walk. Of members of the same name the last counts, as it does for encoding/json.
func (r *reading) fill(c *cursor, last func(key []byte) bool, fields []field, known *order, object int) {
	for {
		key, i := r.next(c, fields, known, object)
		if key == nil {
			break
		}
		start := c.i
		switch {
		case last != nil && last(key):
			c.i = len(c.s)
		case i >= 0 && fields[i].word != "":
			r.fillText(c, &fields[i], known, object*maxFields+i+1)
		case i >= 0 && len(fields[i].fields) > 0 && c.enter('{'):
			r.fill(c, nil, fields[i].fields, known, object*maxFields+i+1)
		default:
			c.skip()
		}
		if i >= 0 && fields[i].into != nil && start < c.i && c.s[start] != 'n' {
			*fields[i].into = value{raw: c.s[start:c.i], in: r}
			if c.escaped {
				fields[i].into.raw = r.take(unescape(r.room(c.i-start+word), c.s[start:c.i]))
			}
		}
	}
	c.leave()
}

// fillText is fill for the object in a string, which is likely to begin with the first of the fields.
func (r *reading) fillText(c *cursor, f *field, known *order, object int) {
	text := cursor{s: c.s[c.i:], i: 1, escaped: true}
	if len(text.s) > 0 && text.s[0] == '"' && text.begins(f.fields[0].name) {
		r.fill(&text, nil, f.fields, known, object)
		text.space()
		if s := text.s[:text.i]; text.enter('"') && bytes.Contains(s, []byte(f.word)) && !hidden(s) {
			c.i += text.i
			return
		}
		unset(f.fields)
	}
	found := value{raw: c.skip(), in: r}
	r.pickText(&found, f)
}

// pickText is pick for the object in a string.
func (r *reading) pickText(v *value, f *field) {
	if !v.mentions(f.word) {
		return
	}
	text := r.raw(v.scratch())
	text.pickUntil(nil, nil, f.fields)
	for i := range f.fields {
		if into := f.fields[i].into; into.raw != nil {
			into.raw = r.take(copy(r.room(len(into.raw)), into.raw))
		}
	}
}

// order is how the members of the last object in a list came, those within it included. Those of the next are likely to
// come in the same order and with the same white space, and are told by that.
type order struct {
	members [32]member
	at      int // where the next is likely to be
}

// member is a member of an object.
type member struct {
	text   []byte // its key and all else between the values
	object int    // tells of which object in the list's; from 1
	field  int    // that asks for it, or -1
}

const (
	ahead     = 3  // how many members are compared with the next: some are not there in every object
	maxFields = 16 // more than are asked for of any object in a list
)

// next goes to the value of an object's next member. It returns the key and which field asks for it, -1 if none does; no
// key after the last.
func (r *reading) next(c *cursor, fields []field, known *order, object int) (key []byte, i int) {
	start := c.i
	if known != nil {
		likely := known.members[known.at:min(known.at+ahead, len(known.members))]
		for i := range likely {
			m := &likely[i]
			if m.object == object && bytes.HasPrefix(c.s[start:], m.text) {
				known.at += i + 1
				c.i = start + len(m.text)
				c.space()
				return m.text, m.field
			}
		}
	}
	key, ok := c.key()
	if !ok {
		return nil, -1
	}
	if c.escaped && bytes.IndexByte(key, '\\') >= 0 {
		key = r.take(unescape(r.room(len(key)+word), key))
	}
	i = r.wanted(fields, key)
	if known != nil && known.at < len(known.members) {
		known.members[known.at] = member{c.s[start:c.i], object, i}
		known.at++
	}
	return key, i
}

// wanted returns which field has key, as it is written, for its name; -1 where none has.
func (r *reading) wanted(fields []field, key []byte) int {
	for i := range fields {
		if string(key) == fields[i].name {
			return i
		}
	}
	if bytes.IndexByte(key, '\\') < 0 {
		return -1
	}
	name := string(r.unquote(key))
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
}

// member returns a member of a decoded object.
func (v *value) member(name string) value {
	switch v.decoded.Kind() {
	case reflect.Struct:
		return v.in.value(v.structField(v.in.shapes.of(v.decoded.Type())[name]))
	case reflect.Map:
		return v.in.value(v.entry(name))
	default:
		return value{}
	}
}

// structField returns the field at an index, which is empty where there is none.
func (v *value) structField(index []int) reflect.Value {
	switch len(index) {
	case 0:
		return reflect.Value{}
	case 1:
		return v.decoded.Field(index[0])
	}
	found, err := v.decoded.FieldByIndexErr(index)
	if err != nil || !found.CanInterface() { // it leads through a nil embedded pointer, or through what is not exported
		return reflect.Value{}
	}
	return found
}

// entry returns an entry of a map.
func (v *value) entry(name string) reflect.Value {
	switch m := v.decoded.Interface().(type) {
	case map[string]any:
		return reflect.ValueOf(m[name])
	case map[string]string:
		if s, ok := m[name]; ok {
			return v.in.entry(s)
		}
		return reflect.Value{}
	case map[string][]string:
		return v.in.list(m[name])
	}
	if v.decoded.Type().Key().Kind() != reflect.String {
		return reflect.Value{}
	}
	key := reflect.ValueOf(strings.Clone(name)) // a copy, or all that pick is asked for would have to be allocated
	return v.decoded.MapIndex(key.Convert(v.decoded.Type().Key()))
}

// get finds one member of an object.
func (v *value) get(name string) (found value) {
	v.pick(field{name: name, into: &found})
	return found
}

// leading finds a member of an object; in JSON text only the first one, without a look at its end.
func (v *value) leading(name string) value {
	if v.raw == nil {
		return v.member(name)
	}
	c := within(v.raw, '{')
	if key, ok := c.key(); !ok || string(key) != name {
		return value{}
	}
	return v.in.raw(c.s[c.i:])
}
