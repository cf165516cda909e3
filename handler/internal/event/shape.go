package event

import (
	"cmp"
	"reflect"
	"slices"
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
		if !f.IsExported() || tag == "-" || name == "" && f.Anonymous && Indirect(f.Type).Kind() == reflect.Struct {
			continue // the fields of an embedded struct come later
		}
		name = cmp.Or(name, f.Name)
		switch i := slices.IndexFunc(s, func(known field) bool { return known.name == name }); {
		case i < 0:
			s = append(s, field{name, f.Index})
		case len(f.Index) < len(s[i].index): // of two with one name the less deep counts
			s[i].index = f.Index
		}
	}
	shapes.Store(t, s)
	return s
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
