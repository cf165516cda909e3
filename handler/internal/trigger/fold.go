package trigger

import (
	"reflect"
	"strings"
)

// fold finds several members of an object by names that may be in any case: one of the very name counts, else one that is
// met. What has a value already is not looked for, and what is not found stays as it is.
func (v *value) fold(fields ...field) {
	if v.raw != nil {
		v.foldRaw(fields)
		return
	}
	missing := false
	for i := range fields {
		if f := fields[i]; !f.into.present() {
			v.pick(f)
			missing = missing || !f.into.present()
		}
	}
	if !missing || !v.present() {
		return
	}
	single, multi := v.headerMaps()
	for key, s := range single {
		if f := unfound(fields, key); f != nil {
			*f.into = value{generic: s, shapes: v.shapes}
		}
	}
	for key, list := range multi {
		if f := unfound(fields, key); f != nil {
			*f.into = v.shapes.typedValue(reflect.ValueOf(list))
		}
	}
	if single == nil && multi == nil {
		v.walk(func(key string, member value) bool {
			if f := unfound(fields, key); f != nil {
				*f.into = member
			}
			return true
		})
	}
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

// foldRaw is one walk. An exact name replaces another one, and what an earlier walk has found stays.
func (v *value) foldRaw(fields []field) {
	var before, exact uint64 // bit sets
	for i := range fields {
		if fields[i].into.present() {
			before |= 1 << i
		}
	}
	v.used = members(v.raw, func(key, val []byte) bool {
		if escaped(key) {
			key = unquote(key)
		}
		for i := range fields {
			f := &fields[i]
			if len(f.name) != len(key) || before&(1<<i) != 0 {
				continue
			}
			switch {
			case string(key) == f.name:
				*f.into = v.shapes.rawValue(val)
				exact |= 1 << i
			case exact&(1<<i) == 0 && !f.into.present() && strings.EqualFold(f.name, string(key)):
				*f.into = v.shapes.rawValue(val)
			}
		}
		return true
	})
}

// headerMaps returns what the headers of the events package's types are; nil for any other value.
func (v *value) headerMaps() (single map[string]string, multi map[string][]string) {
	if !v.isTypedMap() {
		return nil, nil
	}
	single, _ = v.typed.Interface().(map[string]string)
	multi, _ = v.typed.Interface().(map[string][]string)
	return single, multi
}
