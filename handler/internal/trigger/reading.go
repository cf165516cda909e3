package trigger

import (
	"reflect"
	"strings"
)

// reading is what the values of one event share: the shapes of types, and memory. What they keep comes in pieces, so that
// there are a few allocations for an event and not one for each string. It is not safe for concurrent use.
type reading struct {
	shapes *shapes
	texts  strings.Builder
	free   []byte
	size   int    // of the piece that free is the rest of
	draft  []byte // what scratch has returned last
	// entries are copies of what maps hold, which has no address.
	entries []string
	lists   [][]string
}

// The first piece of memory, and the largest, which the next ones grow to.
const (
	minPiece = 256
	maxPiece = 8 << 10
)

// piece returns the size of a piece that has room for n bytes, after one of size last.
func piece(n, last int) int { return max(n, min(max(2*last, minPiece), maxPiece)) }

// text copies a string.
func (r *reading) text(s []byte) string {
	if len(s) == 0 {
		return ""
	}
	if r.texts.Cap()-r.texts.Len() < len(s) {
		last := r.texts.Cap()
		r.texts = strings.Builder{} // what is in the former stays there
		r.texts.Grow(piece(len(s), last))
	}
	start := r.texts.Len()
	r.texts.Write(s)
	return r.texts.String()[start:]
}

// room returns n bytes, of which take keeps some.
func (r *reading) room(n int) []byte {
	if len(r.free) < n {
		r.size = piece(n, r.size)
		r.free = make([]byte, r.size)
	}
	return r.free[:n]
}

// take returns the first n bytes of what room has returned, which stay as they are.
func (r *reading) take(n int) []byte {
	taken := r.free[:n:n]
	r.free = r.free[n:]
	return taken
}

// entry returns the value of a string that has no address.
func (r *reading) entry(s string) reflect.Value {
	if len(r.entries) == cap(r.entries) {
		r.entries = make([]string, 0, max(8, min(2*cap(r.entries), maxMessages)))
	}
	r.entries = append(r.entries, s)
	return reflect.ValueOf(&r.entries[len(r.entries)-1]).Elem()
}

// list is entry for a list.
func (r *reading) list(l []string) reflect.Value {
	if len(r.lists) == cap(r.lists) {
		r.lists = make([][]string, 0, 8)
	}
	r.lists = append(r.lists, l)
	return reflect.ValueOf(&r.lists[len(r.lists)-1]).Elem()
}
