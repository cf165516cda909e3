package replay

import (
	"bytes"
	"encoding/json"
)

const (
	// marker is the name of the member that a document of spans begins with.
	marker = "resourceSpans"
	// maxQuoting is how often a document may be a string inside another document: the line in an event of a log in
	// JSON, inside an export in JSON, and one to spare.
	maxQuoting = 3
	// beforeMarker is the most that can stand between the brace of a document and the marker: quote, backslashes, and
	// some space.
	beforeMarker = 64
	// maxCutOff is after how many documents that do not end the rest of a text is given up: each costs a look at all
	// that follows.
	maxCutOff = 16
)

// place is where in a text a document is.
type place struct {
	begin, end int  // end is -1 if the text ends before the document does
	quoted     bool // inside a JSON string: text[begin:end] is a part of that string, up to its end
}

// locate returns the first document in text from an offset on; ok is false if there is none.
func locate(text []byte, from int) (p place, ok bool) {
	for {
		i := bytes.Index(text[from:], []byte(marker))
		if i < 0 {
			return place{}, false
		}
		at := from + i
		from = at + len(marker)
		begin, escapes, found := opening(text, at)
		if !found {
			continue
		}
		if escapes > 0 {
			return place{begin: begin, end: endOfString(text, begin), quoted: true}, true
		}
		return place{begin: begin, end: endOfObject(text, begin)}, true
	}
}

// opening goes back from the marker's first letter to the brace of its object. escapes is the number of backslashes
// before the quote between.
func opening(text []byte, at int) (begin, escapes int, found bool) {
	i := at - 1
	if i < 0 || text[i] != '"' {
		return 0, 0, false
	}
	for i--; i >= 0 && text[i] == '\\'; i-- {
		escapes++
	}
	for ; i >= 0 && at-i < beforeMarker && (text[i] == ' ' || text[i] == '\t'); i-- {
	}
	if i < 0 || text[i] != '{' || escapes > 0 && escapes%2 == 0 { // the latter: the quote is not escaped
		return 0, 0, false
	}
	return i, escapes, true
}

// endOfString returns the index of the first quote from begin on that is not escaped; -1 if there is none.
func endOfString(text []byte, begin int) int {
	for i := begin; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// endOfObject returns the index after the brace that closes the one at begin; -1 if there is none.
func endOfObject(text []byte, begin int) int {
	depth := 0
	for i := begin; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			end := endOfString(text, i+1)
			if end < 0 {
				return -1
			}
			i = end
		}
	}
	return -1
}

// find calls found with each document in text, and returns how many there are that it can not take out or that found
// does not take.
func find(text []byte, found func(document []byte) bool) (broken int) {
	return findQuoted(text, 0, found)
}

func findQuoted(text []byte, quoting int, found func(document []byte) bool) (broken int) {
	cutOff := 0
	for from := 0; cutOff < maxCutOff; {
		p, ok := locate(text, from)
		if !ok {
			break
		}
		if p.end < 0 { // another may begin inside, where the log went on
			cutOff++
			from = min(p.begin+beforeMarker, len(text))
			continue
		}
		from = p.end
		switch {
		case !p.quoted:
			if !found(text[p.begin:p.end]) {
				broken++
			}
		case quoting == maxQuoting:
			broken++
		default:
			inner, err := unquote(text[p.begin:p.end])
			if err != nil {
				broken++
				continue
			}
			broken += findQuoted(inner, quoting+1, found)
		}
	}
	return broken + cutOff
}

// unquote takes the escapes out of the inside of a JSON string.
func unquote(inside []byte) ([]byte, error) {
	quoted := make([]byte, 0, len(inside)+2)
	quoted = append(append(append(quoted, '"'), inside...), '"')
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, err
	}
	return []byte(text), nil
}
