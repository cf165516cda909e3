package trigger

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// maxDepth bounds how deep types are looked into: through embedded structs, and, ahead of the first event, through fields and
// elements.
const maxDepth = 8

// shapes say where struct types keep the members of an object, by the rules of encoding/json. A type's is found out once.
type shapes struct{ known sync.Map }

// shape is where the members of an object are in a struct.
type shape map[string][]int

// of returns the shape of t, a struct type.
func (s *shapes) of(t reflect.Type) shape {
	if known, ok := s.known.Load(t); ok {
		return known.(shape)
	}
	found := make(shape, t.NumField())
	found.add(t, nil)
	s.known.Store(t, found)
	return found
}

// add adds the fields of t, which is embedded at index. Of two of a name the one less deep counts.
func (s shape) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := f.Index
		if index != nil {
			at = slices.Concat(index, at)
		}
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if inner := indirect(f.Type); f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
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

// prepare finds out the shapes of t and of what it leads to in depth steps. A type can lead to itself, without a struct too, as
// type tree map[string]tree does.
func (s *shapes) prepare(t reflect.Type, depth int) {
	if depth == 0 {
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
		s.prepare(t.Elem(), depth-1)
	case reflect.Struct:
		if _, ok := s.known.Load(t); ok {
			return
		}
		for _, index := range s.of(t) {
			s.prepare(t.FieldByIndex(index).Type, depth-1)
		}
	}
}

// indirect returns what t points to, or t.
func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
