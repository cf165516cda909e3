package trigger

import (
	"bytes"
	"reflect"
)

// field asks pick for a member of an object.
type field struct {
	name   string
	into   *value  // nil where it is not asked for itself
	fields []field // of its members
	// mention says that the member is a string, and has the fields where that is the text of an object with this word in it.
	mention string
}

// pick finds several members of an object at once. What is not found, or null, stays as it is.
func (v *value) pick(fields ...field) { v.pickUntil(nil, fields) }

// pickUntil is pick, but a walk over JSON text ends with a key for which last, if there is one, returns true.
func (v *value) pickUntil(last func(key []byte) bool, fields []field) {
	if v.raw != nil {
		c := within(v.raw, '{')
		v.in.fill(&c, last, fields, nil, 1)
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
	if f.mention != "" {
		r.pickText(&found, f)
	} else if len(f.fields) > 0 {
		found.pickUntil(nil, f.fields)
	}
	if f.into != nil {
		*f.into = found
	}
}

// fill is pick, with one walk over the object that a cursor is in, which it leaves. Of members of the same name the last
// counts, as it does for encoding/json.
func (r *reading) fill(c *cursor, last func(key []byte) bool, fields []field, known *order, object int) {
	for {
		key, i := r.nextMember(c, fields, known, object)
		if key == nil {
			break
		}
		start := c.i
		switch {
		case last != nil && last(key):
			c.i = len(c.s)
		case i >= 0 && fields[i].mention != "":
			r.fillText(c, &fields[i], known, object*maxFields+i+1)
		case i >= 0 && len(fields[i].fields) > 0 && c.enter('{'):
			r.fill(c, nil, fields[i].fields, known, object*maxFields+i+1)
		case c.skip() == nil:
			i = -1 // the rest of the text is not this member's
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
	unset(f.fields) // of a member of the same name
	text := cursor{s: c.s[c.i:], i: 1, escaped: true}
	if len(text.s) > 0 && text.s[0] == '"' && text.begins(f.fields[0].name) {
		r.fill(&text, nil, f.fields, known, object)
		text.space()
		if s := text.s[:text.i]; text.enter('"') && bytes.Contains(s, []byte(f.mention)) && !hidden(s) {
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
	if !v.mentions(f.mention) {
		return
	}
	text := r.raw(v.scratch())
	text.pickUntil(nil, f.fields)
	for i := range f.fields {
		if into := f.fields[i].into; into.raw != nil {
			into.raw = r.take(copy(r.room(len(into.raw)), into.raw))
		}
	}
}

// order is how the members of the last object in a list came, those of objects in it included. Those of the next are likely
// to come in the same order and with the same white space; to compare that takes less time than to look at each key.
type order struct {
	members [32]member
	at      int // where the next is likely to be
}

// member is a member of an object.
type member struct {
	text   []byte // its key, and all else between two values
	object int    // which object in a list's it is of: 1 is that itself
	field  int    // which field asks for it, or -1
}

const (
	ahead     = 3  // how many members the next is compared with, since some are not there in every object
	maxFields = 16 // of an object in a list
)

// nextMember goes to the value of an object's next member. It returns the key and which field asks for it, -1 if none does; no
// key after the last.
func (r *reading) nextMember(c *cursor, fields []field, known *order, object int) (key []byte, i int) {
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
	i := named(fields, key)
	if i < 0 && bytes.IndexByte(key, '\\') >= 0 {
		i = named(fields, r.unquote(key))
	}
	return i
}

// named returns which field has a name, -1 where none has.
func named(fields []field, name []byte) int {
	for i := range fields {
		if string(name) == fields[i].name {
			return i
		}
	}
	return -1
}
