package otlp

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

const (
	// leastText is the length in bytes to which strings are cut at most. If that is not enough, whole events, links and
	// attributes go.
	leastText = 100
	// maxTries is how often an item is reduced further because its encoding is larger than estimated.
	maxTries = 30
	// frame is the size of a field's tag and length at least.
	frame = 2
	// uncut stands for strings of any length.
	uncut = int(^uint(0) >> 1)
	// uncutUTF8 is uncut with each run of invalid bytes as U+FFFD, as the wire has it. It takes longer.
	uncutUTF8 = -1
)

// part is a part of an item that can be removed.
type part struct {
	removed *bool
	size    int // with strings cut to leastText
}

// appendLastFirst appends items as parts, the last one first. removed has a place for each item, and size returns that
// of one.
func appendLastFirst(parts []part, removed []bool, size func(i int) int) []part {
	for i := len(removed) - 1; i >= 0; i-- {
		parts = append(parts, part{&removed[i], size(i)})
	}
	return parts
}

// shed removes the first of parts, as many as have excess bytes together. It puts those back that fit after all, the
// last first: a very large part does not take the small ones along.
func shed(parts []part, excess int) {
	n := 0
	for ; n < len(parts) && excess > 0; n++ {
		*parts[n].removed = true
		excess -= parts[n].size
	}
	for _, p := range slices.Backward(parts[:n]) {
		if excess+p.size <= 0 {
			*p.removed = false
			excess += p.size
		}
	}
}

// without returns items without the removed ones, and dropped with their number added.
func without[T any](removed []bool, items []T, dropped int) (kept []T, total int) {
	for i, item := range items {
		if !removed[i] {
			kept = append(kept, item)
		}
	}
	return kept, dropped + len(items) - len(kept)
}

// longestText returns the length to which the strings of an item must be cut so that it has size bytes, at least
// leastText. sizeAt returns the size of the item with strings cut to cut bytes.
func longestText(sizeAt func(cut int) int, size int) int {
	fits, tooLong := leastText, max(size, leastText+1)
	if sizeAt(fits) > size {
		return fits
	}
	for fits+1 < tooLong {
		if middle := fits + (tooLong-fits)/2; sizeAt(middle) <= size {
			fits = middle
		} else {
			tooLong = middle
		}
	}
	return fits
}

func cutKeyValues(kvs []attribute.KeyValue, most int) []attribute.KeyValue {
	kvs = slices.Clone(kvs)
	for i := range kvs {
		kvs[i].Value = cutValue(kvs[i].Value, most)
	}
	return kvs
}

func cutValue(v attribute.Value, most int) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(cutText(v.AsString(), most))
	case attribute.BYTESLICE:
		b := v.AsByteSlice()
		return attribute.ByteSliceValue(b[:min(len(b), most)])
	case attribute.STRINGSLICE:
		items := v.AsStringSlice()
		for i := range items {
			items[i] = cutText(items[i], most)
		}
		return attribute.StringSliceValue(items)
	case attribute.SLICE:
		items := slices.Clone(v.AsSlice())
		for i := range items {
			items[i] = cutValue(items[i], most)
		}
		return attribute.SliceValue(items...)
	case attribute.MAP:
		return attribute.MapValue(cutKeyValues(v.AsMap(), most)...)
	}
	return v
}

// cutText cuts s at a rune to most bytes, which include a note of the length.
func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	note := fmt.Sprintf("… (cut, %d bytes)", len(s))
	end := max(most-len(note), 0)
	for range utf8.UTFMax - 1 {
		if end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
	}
	return s[:end] + note
}

// The functions below return sizes on the wire with strings cut to cut bytes. They count nearly all that there is, without
// encoding anything. They count too much only if strings are not UTF-8 and cut is not uncutUTF8.

// exceeds reports whether an item whose size is sizeAt(cut) has more than most bytes.
func exceeds(sizeAt func(cut int) int, most int) bool {
	return sizeAt(uncut) > most && sizeAt(uncutUTF8) > most
}

func textSize(s string, cut int) int {
	if s == "" {
		return 0
	}
	return frame + textLen(s, cut)
}

func textLen(s string, cut int) int {
	if cut == uncutUTF8 {
		return len(strings.ToValidUTF8(s, "\uFFFD"))
	}
	return min(len(s), cut)
}

func keyValuesSize(kvs []attribute.KeyValue, cut int) (size int) {
	for i := range kvs {
		size += keyValueSize(kvs[i], cut)
	}
	return size
}

func keyValueSize(kv attribute.KeyValue, cut int) int {
	key := uncut // is never cut
	if cut == uncutUTF8 {
		key = cut
	}
	return frame + textSize(string(kv.Key), key) + valueSize(kv.Value, cut)
}

func valueSize(v attribute.Value, cut int) int {
	const fixed = 2 * frame // of the value and of its content
	switch v.Type() {
	case attribute.STRING:
		return fixed + textLen(v.AsString(), cut)
	case attribute.BYTESLICE:
		n := len(v.AsByteSlice())
		if cut != uncutUTF8 {
			n = min(n, cut)
		}
		return fixed + n
	case attribute.BOOLSLICE:
		return fixed + fixed*len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return fixed + fixed*len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return fixed + (frame+9)*len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		size := fixed
		for _, item := range v.AsStringSlice() {
			size += fixed + textLen(item, cut)
		}
		return size
	case attribute.SLICE:
		size := fixed
		for _, item := range v.AsSlice() {
			size += valueSize(item, cut)
		}
		return size
	case attribute.MAP:
		return fixed + keyValuesSize(v.AsMap(), cut)
	}
	return frame // an empty value has no content
}
