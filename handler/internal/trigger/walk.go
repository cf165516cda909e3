package trigger

import (
	"reflect"
	"slices"
)

// each gives f the elements of a list, at most limit of them, and returns how many there are.
func (v *value) each(limit int, f func(element value)) (n int) {
	if v.raw != nil {
		for c := within(v.raw, '['); c.next(); n++ {
			if text := c.skip(); n < limit {
				f(v.in.raw(text))
			}
		}
		return n
	}
	if v.decoded.Kind() != reflect.Slice {
		return 0
	}
	for i := range min(limit, v.decoded.Len()) {
		f(v.in.value(v.decoded.Index(i)))
	}
	return v.decoded.Len()
}

// records is each for a list of objects, of which the members are picked ahead of f. What is not found is not set.
func (v *value) records(limit int, f func(), fields ...field) int {
	if v.raw != nil {
		return v.recordsAt(&cursor{s: v.raw}, limit, f, fields...)
	}
	return v.each(limit, func(record value) {
		unset(fields)
		record.pickUntil(nil, fields)
		f()
	})
}

// recordsAt is records for the list in v's text that a cursor is at. It leaves that behind.
func (v *value) recordsAt(c *cursor, limit int, f func(), fields ...field) (n int) {
	if !c.enter('[') {
		c.skip()
		return 0
	}
	var known order
	for ; c.next(); n++ {
		if n >= limit {
			c.skip()
			continue
		}
		unset(fields)
		if c.enter('{') {
			known.at = 0
			v.in.fill(c, nil, fields, &known, 1)
		} else {
			c.skip()
		}
		f()
	}
	c.leave()
	return n
}

// unset sets what fields are put into to nothing.
func unset(fields []field) {
	for i := range fields {
		if f := &fields[i]; f.into != nil {
			*f.into = value{}
		}
		unset(fields[i].fields)
	}
}

// first picks members of the first element of a list.
func (v *value) first(fields ...field) {
	if v.raw == nil {
		v.each(1, func(record value) { record.pickUntil(nil, fields) })
		return
	}
	if c := within(v.raw, '['); c.next() {
		element := v.in.raw(c.s[c.i:])
		element.pickUntil(nil, fields)
	}
}

// sizeHint returns how many messages a list may have that are looked at: what it has, or what JSON text has room for if one
// has size bytes, as long as that is not many, since there may be one that is long.
func (v *value) sizeHint(size int) int {
	if v.raw != nil {
		return min(len(v.raw)/size+1, maxMessages/4)
	}
	if v.decoded.Kind() == reflect.Slice {
		return min(v.decoded.Len(), maxMessages)
	}
	return 0
}

// walk gives f the members of an object, until it returns false. Those of a map come in any order.
func (v *value) walk(f func(key string, member value) bool) {
	switch {
	case v.raw != nil:
		c := within(v.raw, '{')
		for key, ok := c.key(); ok; key, ok = c.key() {
			name := v.in.text(v.in.unquote(key))
			if !f(name, v.in.raw(c.skip())) {
				return
			}
		}
	case v.decoded.IsValid() && v.decoded.Type() == genericType:
		for key, member := range v.decoded.Interface().(map[string]any) {
			if !f(key, v.in.value(reflect.ValueOf(member))) {
				return
			}
		}
	case v.decoded.Kind() == reflect.Map && v.decoded.Type().Key().Kind() == reflect.String:
		for entries := v.decoded.MapRange(); entries.Next(); {
			if !f(entries.Key().String(), v.in.value(entries.Value())) {
				return
			}
		}
	case v.decoded.Kind() == reflect.Struct:
		for name, index := range v.in.shapes.of(v.decoded.Type()) {
			if !f(name, v.in.value(v.structField(index))) {
				return
			}
		}
	}
}

// empty reports whether v has no members and no elements.
func (v *value) empty() bool {
	if v.raw != nil {
		i := space(v.raw, 1)
		return i >= len(v.raw) || meaning[v.raw[i]] == shut
	}
	switch v.decoded.Kind() {
	case reflect.Map, reflect.Slice:
		return v.decoded.Len() == 0
	default:
		return !v.decoded.IsValid()
	}
}

// sortedMembers gives f the members of an object in the order of their keys, at most limit of them. Of those of the same
// name it gives the last.
func (v *value) sortedMembers(limit int, f func(member value)) {
	found, keys := map[string]value{}, make([]string, 0, 8)
	v.walk(func(key string, member value) bool {
		if _, known := found[key]; !known {
			keys = append(keys, key)
		}
		found[key] = member
		return len(found) < limit
	})
	slices.Sort(keys)
	for _, key := range keys {
		f(found[key])
	}
}

// sortedKeys returns the keys of an object, at most limit of them.
func (v *value) sortedKeys(limit int) []string {
	keys := make([]string, 0, 8)
	v.walk(func(key string, _ value) bool {
		keys = append(keys, key)
		return len(keys) < limit
	})
	slices.Sort(keys)
	return slices.Compact(keys)
}
