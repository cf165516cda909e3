package lines

import (
	"bytes"
	"encoding/json"
)

// markers are the names of the first member of a document, one for each signal. They begin with markerStart.
var markers = []string{"resourceSpans", "resourceMetrics", "resourceLogs"}

const (
	markerStart   = "resource"
	longestMarker = len("resourceMetrics")

	// maxQuoting is how often a document may be a string inside another document: a line inside an event of a JSON log, inside an
	// export in JSON or CSV, and one in reserve.
	maxQuoting = 3
	// beforeMarker is the most bytes between the brace of a document and the marker: quote, backslashes and space.
	beforeMarker = 64
	// maxCutOff is how many documents without an end are searched before the rest of a text is skipped, maxLongCutOff that of a
	// long one. Each costs a pass over the rest.
	maxCutOff     = 16
	maxLongCutOff = 4
)

// quoting is the form of a document's own quotes in a text.
type quoting int

const (
	plain   quoting = iota // unchanged
	escaped                // after backslashes: the document is in a JSON string
	doubled                // twice: the document is in a field of CSV (RFC 4180)
)

// place locates a document in a text.
type place struct {
	begin, end int // end is -1 if the text ends before the document does
	quoting    quoting
	// Unless quoting is plain, text[begin:end] extends to the end of the string or field around the document.
}

// locate returns the first document in text at or after an offset; ok is false if there is none.
func locate(text []byte, from int) (p place, ok bool) {
	for {
		i, marker := indexMarker(text[from:])
		if i < 0 {
			return place{}, false
		}
		at := from + i
		from = at + len(marker)
		begin, quoting, found := opening(text, at)
		if !found {
			continue
		}
		p := place{begin: begin, quoting: quoting}
		switch quoting {
		case plain:
			p.end = endOfObject(text, begin)
		case escaped:
			p.end = endOfString(text, begin)
		case doubled:
			p.end = endOfField(text, begin)
		}
		return p, true
	}
}

// indexMarker returns the index of the first marker in text, and the marker; -1 if there is none.
func indexMarker(text []byte) (at int, marker string) {
	for from := 0; ; from += len(markerStart) {
		i := bytes.Index(text[from:], []byte(markerStart))
		if i < 0 {
			return -1, ""
		}
		from += i
		for _, m := range markers {
			if bytes.HasPrefix(text[from:], []byte(m)) {
				return from, m
			}
		}
	}
}

// opening searches backwards from the marker's first letter for the brace of its object.
func opening(text []byte, at int) (begin int, how quoting, found bool) {
	i := at - 1
	if i < 0 || text[i] != '"' {
		return 0, plain, false
	}
	if i--; i >= 0 && text[i] == '"' {
		how = doubled
		i--
	}
	escapes := 0
	for ; i >= 0 && text[i] == '\\'; i-- {
		escapes++
	}
	for ; i >= 0 && at-i < beforeMarker && (text[i] == ' ' || text[i] == '\t'); i-- {
	}
	if i < 0 || text[i] != '{' || escapes > 0 && escapes%2 == 0 { // an even number of backslashes: the quote is not escaped
		return 0, plain, false
	}
	if how == plain && escapes > 0 {
		how = escaped
	}
	return i, how, true
}

// endOfString returns the index of the first unescaped quote at or after begin; -1 if there is none.
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

// endOfField returns the index of the first single quote at or after begin; -1 if there is none.
func endOfField(text []byte, begin int) int {
	for i := begin; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '"' {
			return i
		}
		i++
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

// find calls found with each document in text. It returns how many documents it cannot extract or found rejects.
func find(text []byte, found func(document []byte) bool) (broken int) {
	return findQuoted(text, 0, found)
}

func findQuoted(text []byte, depth int, found func(document []byte) bool) (broken int) {
	cutOff, most := 0, maxCutOff
	if len(text) > longLine {
		most = maxLongCutOff
	}
	for from := 0; cutOff < most; {
		p, ok := locate(text, from)
		if !ok {
			break
		}
		if p.end < 0 && p.quoting == doubled { // a line feed may follow, inside the field
			p.end = len(text)
		}
		if p.end < 0 { // another may begin inside it, where the log continues
			cutOff++
			from = min(p.begin+beforeMarker, len(text))
			continue
		}
		from = p.end
		switch {
		case p.quoting == plain:
			if !found(text[p.begin:p.end]) {
				broken++
			}
		case depth == maxQuoting:
			broken++
		default:
			inner, err := unquote(text[p.begin:p.end], p.quoting)
			if err != nil {
				broken++
				continue
			}
			broken += findQuoted(inner, depth+1, found)
		}
	}
	return broken + cutOff
}

// unquote removes the escapes from the content of a JSON string or of a field of CSV.
func unquote(inside []byte, how quoting) ([]byte, error) {
	if how == doubled {
		return bytes.ReplaceAll(inside, []byte(`""`), []byte(`"`)), nil
	}
	quoted := make([]byte, 0, len(inside)+2)
	quoted = append(append(append(quoted, '"'), inside...), '"')
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, err
	}
	return []byte(text), nil
}
