package trigger

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
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
func (v *value) sortedMembers(limit int) (all []entry) {
	v.walk(func(key string, member value) bool {
		all = append(all, entry{key, member})
		return len(all) < limit
	})
	slices.SortStableFunc(all, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	unique := all[:0]
	for i, e := range all {
		if i+1 == len(all) || all[i+1].key != e.key {
			unique = append(unique, e)
		}
	}
	return unique
}

// entry is a member of an object.
type entry struct {
	key    string
	member value
}

// sortedKeys returns the keys of an object, at most limit of them.
func (v *value) sortedKeys(limit int) []string {
	var keys []string
	for _, e := range v.sortedMembers(limit) {
		keys = append(keys, e.key)
	}
	return keys
}

// integer returns a whole number.
func (v *value) integer() (int64, bool) {
	f, ok := v.number()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// number returns a number.
func (v *value) number() (float64, bool) {
	switch {
	case v.raw != nil:
		start := space(v.raw, 0)
		return parseNumber(string(v.raw[start:skipValue(v.raw, start)]))
	case v.generic != nil:
		switch n := v.generic.(type) {
		case float64:
			return n, true
		case json.Number:
			return parseNumber(string(n))
		}
	case v.typed.CanInt():
		return float64(v.typed.Int()), true
	case v.typed.CanUint():
		return float64(v.typed.Uint()), true
	case v.typed.CanFloat():
		return v.typed.Float(), true
	}
	return 0, false
}

func parseNumber(s string) (float64, bool) {
	if s == "" || !strings.Contains("-0123456789", s[:1]) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// moment returns a time as conventions want it: ISO 8601 in UTC, to the millisecond. It may be a time.Time, a struct around one, text, or
// seconds since 1970; empty for what is no time, or the zero one.
func (v *value) moment() string {
	t := v.time()
	if t.IsZero() {
		return ""
	}
	return t.Round(time.Millisecond).UTC().Format(time.RFC3339Nano)
}

func (v *value) time() time.Time {
	if v.typed.Kind() == reflect.Struct {
		at := v.typed
		if at.NumField() == 1 && at.Type() != timeType {
			at = at.Field(0)
		}
		if at.Type() != timeType || !at.CanInterface() {
			return time.Time{}
		}
		return at.Interface().(time.Time)
	}
	if seconds, ok := v.number(); ok {
		if seconds <= 0 || seconds > maxSeconds {
			return time.Time{}
		}
		return time.UnixMilli(int64(math.Round(seconds * 1000)))
	}
	t, err := time.Parse(time.RFC3339Nano, v.text())
	if err != nil {
		return time.Time{}
	}
	return t
}

// maxSeconds is the last second of the year 9999, after which ISO 8601 needs an agreement.
const maxSeconds = 253402300799
