package trigger

import (
	"maps"
	"reflect"
	"slices"
)

// each gives f the elements of a list, at most limit of them, and returns how many there are. f is given the same
// variable each time.
func (v *value) each(limit int, f func(element *value)) (n int) {
	var element value
	switch {
	case v.raw != nil:
		elements(v.raw, func(val []byte) (int, bool) {
			if n++; n > limit {
				return 0, true
			}
			element = v.shapes.rawValue(val)
			f(&element)
			return element.used, true
		})
		return n
	case v.generic != nil:
		list, _ := v.generic.([]any)
		for _, item := range list[:min(limit, len(list))] {
			element = v.shapes.genericValue(item)
			f(&element)
		}
		return len(list)
	case v.typed.Kind() == reflect.Slice:
		for i := range min(limit, v.typed.Len()) {
			element = v.shapes.typedValue(v.typed.Index(i))
			f(&element)
		}
		return v.typed.Len()
	default:
		return 0
	}
}

// sizeHint returns how many elements a list has, at most limit; 0 where that takes a walk.
func (v *value) sizeHint(limit int) int {
	if list, ok := v.generic.([]any); ok {
		return min(len(list), limit)
	}
	if v.typed.Kind() == reflect.Slice {
		return min(v.typed.Len(), limit)
	}
	return 0
}

// head returns the first element of a list.
func (v *value) head() (element value) {
	switch {
	case v.raw != nil:
		elements(v.raw, func(val []byte) (int, bool) {
			element = v.shapes.rawValue(val)
			return 0, false
		})
	case v.generic != nil:
		if list, _ := v.generic.([]any); len(list) > 0 {
			return v.shapes.genericValue(list[0])
		}
	case v.typed.Kind() == reflect.Slice && v.typed.Len() > 0:
		return v.shapes.typedValue(v.typed.Index(0))
	}
	return element
}

// walk gives f the members of an object, until it returns false. Those of a map come in any order.
func (v *value) walk(f func(key string, member value) bool) {
	switch {
	case v.raw != nil:
		members(v.raw, func(key, val []byte) bool { return f(string(unquote(key)), v.shapes.rawValue(val)) })
	case v.generic != nil:
		m, _ := v.generic.(map[string]any)
		for key, member := range m {
			if !f(key, v.shapes.genericValue(member)) {
				return
			}
		}
	case v.typed.Kind() == reflect.Map && v.typed.Type().Key().Kind() == reflect.String:
		for entries := v.typed.MapRange(); entries.Next(); {
			if !f(entries.Key().String(), v.shapes.typedValue(entries.Value())) {
				return
			}
		}
	case v.typed.Kind() == reflect.Struct:
		for name := range v.shapes.of(v.typed.Type()) {
			if !f(name, v.get(name)) {
				return
			}
		}
	}
}

// empty reports whether v has no members and no elements.
func (v *value) empty() bool {
	switch {
	case v.raw != nil:
		i := space(v.raw, 0)
		i = space(v.raw, i+1)
		return i >= len(v.raw) || v.raw[i] == '}' || v.raw[i] == ']'
	case v.generic != nil:
		m, isMap := v.generic.(map[string]any)
		list, isList := v.generic.([]any)
		return (isMap || isList) && len(m)+len(list) == 0
	case v.typed.Kind() == reflect.Map || v.typed.Kind() == reflect.Slice:
		return v.typed.Len() == 0
	default:
		return !v.typed.IsValid()
	}
}

// sortedMembers returns the members of an object in the order of their keys, at most limit of them. Of those of the same name
// the last is there.
func (v *value) sortedMembers(limit int) []entry {
	found := map[string]value{}
	v.walk(func(key string, member value) bool {
		found[key] = member
		return len(found) < limit
	})
	all := make([]entry, 0, len(found))
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, entry{key, found[key]})
	}
	return all
}

// entry is a member of an object.
type entry struct {
	key    string
	member value
}

// sortedKeys returns the keys of an object, at most limit of them.
func (v *value) sortedKeys(limit int) []string {
	var keys []string
	v.walk(func(key string, _ value) bool {
		keys = append(keys, key)
		return len(keys) < limit
	})
	slices.Sort(keys)
	return slices.Compact(keys)
}
