package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzPrintable(f *testing.F) {
	f.Add("two\nlines\x00 and \xff", 3)
	f.Add(strings.Repeat("漢", 200), 1)
	f.Fuzz(func(t *testing.T, text string, repeat int) {
		out := printable(strings.Repeat(text, max(0, repeat%100)))
		if !utf8.ValidString(out) || len(out) > MaxBytes+len("…") || strings.ContainsAny(out, "\n\r\x00\x1b") {
			t.Errorf("printable gave %q", out)
		}
	})
}
