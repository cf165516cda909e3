package trigger

import (
	"bytes"
	"strings"
	"unicode/utf8"
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
		if f := &fields[i]; !f.into.present() {
			*f.into = v.member(f.name)
			missing = missing || !f.into.present()
		}
	}
	if !missing || !v.present() {
		return
	}
	single, multi := v.headerMaps()
	for key, s := range single {
		if f := unfound(fields, key); f != nil {
			*f.into = v.in.value(v.in.entry(s))
		}
	}
	for key, list := range multi {
		if f := unfound(fields, key); f != nil {
			*f.into = v.in.value(v.in.list(list))
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
	c := within(v.raw, '{')
	for key, ok := c.key(); ok; key, ok = c.key() {
		if bytes.IndexByte(key, '\\') >= 0 || !utf8.Valid(key) {
			key = v.in.unquote(key)
		}
		member := v.in.raw(c.skip())
		for i := range fields {
			f := &fields[i]
			if len(f.name) != len(key) || before&(1<<i) != 0 {
				continue
			}
			switch {
			case string(key) == f.name:
				*f.into = member
				exact |= 1 << i
			case exact&(1<<i) == 0 && !f.into.present() && strings.EqualFold(f.name, string(key)):
				*f.into = member
			}
		}
	}
}

// headerMaps returns what the headers of the events package's types are; nil for any other value.
func (v *value) headerMaps() (single map[string]string, multi map[string][]string) {
	if v.isMap() {
		single, _ = v.decoded.Interface().(map[string]string)
		multi, _ = v.decoded.Interface().(map[string][]string)
	}
	return single, multi
}
