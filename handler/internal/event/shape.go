package event

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// maxDepth bounds how deep embedded structs are followed.
const maxDepth = 8

// shape says where a struct type keeps the members of an object, by the rules of encoding/json.
type shape map[string][]int

// shapes caches the shape of each struct type that an event has.
var shapes sync.Map

// shapeOf returns the shape of t, a struct type.
func shapeOf(t reflect.Type) shape {
	if known, ok := shapes.Load(t); ok {
		return known.(shape)
	}
	found := make(shape, t.NumField())
	found.add(t, nil)
	shapes.Store(t, found)
	return found
}

// add adds the fields of t, which is embedded at index. Of two with one name the less deep counts.
func (s shape) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := f.Index
		if index != nil {
			at = slices.Concat(index, at)
		}
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if inner := Indirect(f.Type); f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			if len(at) < maxDepth {
				s.add(inner, at)
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		if known, ok := s[name]; f.IsExported() && tag != "-" && (!ok || len(at) < len(known)) {
			s[name] = at
		}
	}
}

// MayHave reports whether values of type t, or the elements of such a list, may have a member with one of these names: they
// are maps, interfaces, JSON text, or structs with such a field.
func MayHave(t reflect.Type, names []string) bool {
	t = Indirect(t)
	if t.Kind() == reflect.Slice {
		if t.Elem().Kind() == reflect.Uint8 {
			return true
		}
		t = Indirect(t.Elem())
	}
	switch t.Kind() {
	case reflect.Map, reflect.Interface:
		return true
	case reflect.Struct:
		known := shapeOf(t)
		return slices.ContainsFunc(names, func(name string) bool { return known[name] != nil })
	}
	return false
}

// Indirect returns the type that t points to, or t.
func Indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
