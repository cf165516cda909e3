package trigger

import "strings"

// fold finds several members of an object by names that may be in any case: one of the very name counts, else the first
// that is met. What is not found stays as it is.
func (v *value) fold(fields ...field) {
	if v.raw != nil {
		v.foldRaw(fields)
		return
	}
	v.pick(fields...)
	missing := false
	for i := range fields {
		missing = missing || !fields[i].into.present()
	}
	if !missing {
		return
	}
	if m, ok := v.stringMap(); ok {
		for key, s := range m {
			if f := unfound(fields, key); f != nil {
				*f.into = value{generic: s, shapes: v.shapes}
			}
		}
		return
	}
	v.walk(func(key string, member value) bool {
		if f := unfound(fields, key); f != nil {
			*f.into = member
		}
		return true
	})
}

// unfound returns the field that has key in another case and no value yet.
func unfound(fields []field, key string) *field {
	for i := range fields {
		if f := &fields[i]; len(f.name) == len(key) && !f.into.present() && strings.EqualFold(f.name, key) {
			return f
		}
	}
	return nil
}

// foldRaw is one walk.
func (v *value) foldRaw(fields []field) {
	members(v.raw, func(key, val []byte) bool {
		if escaped(key) {
			key = unquote(key)
		}
		for i := range fields {
			f := &fields[i]
			if string(key) == f.name || len(f.name) == len(key) && !f.into.present() && strings.EqualFold(f.name, string(key)) {
				*f.into = v.shapes.rawValue(val)
			}
		}
		return true
	})
}

// stringMap returns what the headers of the events package's types are.
func (v *value) stringMap() (map[string]string, bool) {
	if !v.isTypedMap() {
		return nil, false
	}
	m, ok := v.typed.Interface().(map[string]string)
	return m, ok
}
