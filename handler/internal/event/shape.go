package event

import (
	"cmp"
	"reflect"
	"strings"
	"sync"
)

// shape says where a struct type keeps the members of an object, by the rules of encoding/json.
type shape []field

type field struct {
	name  string
	index []int
}

// shapes caches the shape of each struct type that an event has.
var shapes sync.Map

// shapeOf returns the shape of t, a struct type.
func shapeOf(t reflect.Type) shape {
	if known, ok := shapes.Load(t); ok {
		return known.(shape)
	}
	var s shape
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		promotes := f.Anonymous && name == "" && Indirect(f.Type).Kind() == reflect.Struct
		if f.IsExported() && tag != "-" && !promotes {
			s.add(field{cmp.Or(name, f.Name), f.Index})
		}
	}
	shapes.Store(t, s)
	return s
}

// add adds a field. Of two with one name the less deep counts.
func (s *shape) add(f field) {
	for i, known := range *s {
		if known.name == f.name {
			if len(f.index) < len(known.index) {
				(*s)[i] = f
			}
			return
		}
	}
	*s = append(*s, f)
}

// index returns the field into which encoding/json decodes a member, nil if there is none: the field with this name, or
// with this name in another case.
func (s shape) index(name string) []int {
	for _, f := range s {
		if f.name == name {
			return f.index
		}
	}
	for _, f := range s {
		if strings.EqualFold(f.name, name) {
			return f.index
		}
	}
	return nil
}

// Indirect returns the type that t points to, or t.
func Indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
