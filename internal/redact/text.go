package redact

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes is how many bytes Text returns at most, apart from the mark of a cut.
const MaxBytes = 300

// Text returns a text about req without req's secrets, on one line, without control characters, and cut to MaxBytes. It removes
// secrets before it cuts, because the cut could leave half of one.
func Text(text string, req *http.Request) string { return printable(secretsOf(req).redact(text)) }

// printable is text on one line without control characters, cut to MaxBytes bytes.
func printable(text string) string {
	var b strings.Builder
	space := false // write one before the next rune
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r)+1 > MaxBytes {
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
