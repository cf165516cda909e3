package trigger

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// maxDepth bounds how deep types are looked into through embedded structs.
const maxDepth = 8

// shapes say where struct types keep the members of an object, by the rules of encoding/json. A type's is found out once, and
// not before it is asked for: of the types that an event consists of, a reader looks into a third.
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

// indirect returns what t points to, or t.
func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
