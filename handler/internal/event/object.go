package event

import (
	"math"
	"reflect"
	"slices"
	"strings"
)

// Object is an object whose members with some names have been found.
type Object struct {
	Value
	names []string
	texts [][]byte // of JSON text: the members with these names
}

// Select finds the members with these names, with one scan of JSON text. Of several members with one name the last
// counts, as for encoding/json.
func (v Value) Select(names ...string) Object {
	o := Object{Value: v}
	if v.begins('{') {
		o.names, o.texts = names, make([][]byte, len(names))
		c := cursor{v.text}
		c.object(names, o.texts)
	}
	return o
}

// Get returns the member with this name, which must be one of those that were selected.
func (o *Object) Get(name string) Value {
	if o.texts == nil {
		return o.Value.Get(name)
	}
	return JSON(o.texts[slices.Index(o.names, name)])
}

// Get returns one member of an object, with a scan of JSON text.
func (v Value) Get(name string) Value {
	switch {
	case v.begins('{'):
		var texts [1][]byte
		c := cursor{v.text}
		c.object([]string{name}, texts[:])
		return JSON(texts[0])
	case v.decoded.Kind() == reflect.Struct:
		return v.field(shapeOf(v.decoded.Type()).index(name))
	case v.isMap():
		return Of(reflect.ValueOf(v.decoded.Interface().(map[string]any)[name]))
	case v.hasKeys():
		return Of(v.decoded.MapIndex(reflect.ValueOf(name).Convert(v.decoded.Type().Key())))
	}
	return Value{}
}

// field returns the field of a struct at an index. It is absent if there is none, or within a nil embedded pointer.
func (v Value) field(index []int) Value {
	if index == nil {
		return Value{}
	}
	field, _ := v.decoded.FieldByIndexErr(index)
	return Of(field)
}

var mapType = reflect.TypeFor[map[string]any]()

// isMap reports whether v is a map of the usual type, which needs no reflection.
func (v Value) isMap() bool { return v.decoded.IsValid() && v.decoded.Type() == mapType }

// hasKeys reports whether v is a map with the names of members.
func (v Value) hasKeys() bool {
	return v.decoded.Kind() == reflect.Map && v.decoded.Type().Key().Kind() == reflect.String
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value Value
}

// Members returns the first max members of an object in the order of their names. Of a list, it returns those of the
// objects in it. Its memory is in proportion to max, and its time to the size of the object.
func (v Value) Members(max int) (list []Member) {
	last := "" // once max members are known: names after it are not among the first
	v.members(func(name string, value Value) {
		if last != "" && name > last {
			return
		}
		list = append(list, Member{name, value})
		if len(list) < 2*max {
			return
		}
		if list = firstByName(list, max); len(list) == max {
			last = list[max-1].Name
		}
	})
	return firstByName(list, max)
}

// members calls f with each member, in any order.
func (v Value) members(f func(name string, value Value)) {
	switch {
	case v.begins('{'):
		c := inside(v.text)
		for key, value := c.member(); key != nil; key, value = c.member() {
			f(unquote(key), JSON(value))
		}
	case v.decoded.Kind() == reflect.Struct:
		for _, field := range shapeOf(v.decoded.Type()) {
			f(field.name, v.field(field.index))
		}
	case v.isMap():
		for name, entry := range v.decoded.Interface().(map[string]any) {
			f(name, Of(reflect.ValueOf(entry)))
		}
	case v.hasKeys():
		for entries := v.decoded.MapRange(); entries.Next(); {
			f(entries.Key().String(), Of(entries.Value()))
		}
	case v.IsList():
		v.Each(math.MaxInt, func(element Value) {
			if element.IsObject() {
				element.members(f)
			}
		})
	}
}

// firstByName returns the first max members in the order of their names. Of several with one name the last counts.
func firstByName(list []Member, max int) []Member {
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	list = slices.CompactFunc(list, func(a, b Member) bool { return a.Name == b.Name })
	return list[:min(len(list), max)]
}
