package redact

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes is the most that Text returns, but for the mark that something was cut off.
const MaxBytes = 300

// Text returns what the other side of req, or anything that knows req, said, fit to be shown: without req's secrets, on
// one line, without control characters, cut to MaxBytes. Secrets go first: cut to length, half of one could stay.
func Text(text string, req *http.Request) string { return printable(secretsOf(req).redact(text)) }

// printable is text on one line without control characters, cut to MaxBytes bytes.
func printable(text string) string {
	var b strings.Builder
	space := false // one is due before the next rune
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
