package jsontext

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"":                        `""`,
		"plain é 世 \U0001f600":    `"plain é 世 ` + "\U0001f600" + `"`,
		`a "b" \c`:                `"a \"b\" \\c"`,
		"\n\t\r\x00\x1b\x7f":      `"\n\t\u000d\u0000\u001b\u007f"`,
		"\u0085\u009b":            `"\u0085\u009b"`,
		"\xff.\xc3.\xe4\xb8":      "\"\ufffd.\ufffd.\ufffd\ufffd\"",
		"\ufffd\xed\xa0\x80":      "\"\ufffd\ufffd\ufffd\ufffd\"",
		strings.Repeat("x", 1000): `"` + strings.Repeat("x", 1000) + `"`,
	} {
		if got := string(AppendString([]byte("["), s)); got != "["+want {
			t.Errorf("%q: got %s, want [%s", s, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\n\u0085\xff\ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		got := AppendString(nil, s)
		if string(AppendString(nil, []byte(s))) != string(got) {
			t.Error("bytes and strings differ")
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != string([]rune(s)) {
			t.Errorf("%q: %s is %q: %v", s, got, back, err)
		}
		if !utf8.Valid(got) || strings.ContainsFunc(string(got), unicode.IsControl) {
			t.Errorf("%q: %q is not valid UTF-8 without control characters", s, got)
		}
	})
}

func TestAppendFloat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", -1.5: "-1.5", 1e21: "1e+21", math.MaxFloat64: "1.7976931348623157e+308",
		math.Inf(1): `"Infinity"`, math.Inf(-1): `"-Infinity"`, math.NaN(): `"NaN"`,
	} {
		if got := string(AppendFloat(nil, v)); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}
