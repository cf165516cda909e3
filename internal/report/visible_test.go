package report

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"POST /orders": "POST /orders", "naïve – 日本 👩\u200d🚀": "naïve – 日本 👩\u200d🚀", `a\b`: `a\b`,
		"\x1b[2J\x1b]0;title\x07": `\x1b[2J\x1b]0;title\a`, "a\r\nb\tc": `a\r\nb\tc`, "\x9b31m": `\x9b31m`, "\u009b31m": `\u009b31m`,
		"\xff\xc3(": `\xff\xc3(`, "\u202eevil\u2066": `\u202eevil\u2066`, "\u2028\u200e\ufeff\x7f\x00": `\u2028\u200e\ufeff\x7f\x00`,
		"\U000e0041": `\U000e0041`, "\ufffd": "\ufffd",
	} {
		if got := Visible(text); got != want {
			t.Errorf("Visible(%q) = %s, want %s", text, got, want)
		}
	}
	if got := VisibleLines("a\n\tb\x1b"); got != "a\n    b\\x1b" {
		t.Errorf("VisibleLines = %q", got)
	}
}

// hostile is a text with commands for a terminal and a line that looks like one of the report's.
const hostile = "\x1b[31m\x1b]0;t\x07\u202e\xff\r\n 9 warm     forged"

// fill sets every text that v holds to hostile.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	default:
	}
}

func TestNoTextOfAFunctionCommandsTheTerminal(t *testing.T) {
	var invocation Invocation
	var failed, started Init
	var pause Pause
	var process Process
	for _, v := range []any{&invocation, &failed, &pause, &process} {
		fill(reflect.ValueOf(v).Elem())
	}
	started.Extensions, started.Refused = failed.Extensions, failed.Refused
	flushed := invocation
	flushed.Flush = ""
	root := Span{Trace: hostile, ID: "1", Name: hostile, Service: hostile, Failed: true, Message: hostile}
	other := Span{Trace: hostile, ID: "2", Parent: "1", Name: hostile, Service: "b" + hostile, Failed: true, Message: "b" + hostile}
	orphan := Span{Trace: hostile, ID: "3", Parent: "9", Name: hostile, Service: hostile}
	own := regexp.MustCompile(`\x1b\[(\d+)m(.*?)\x1b\[0m`)
	for _, st := range []Style{{}, {Color: true}} {
		for name, text := range map[string]string{
			"invocation": invocation.Line(st) + flushed.Line(st), "init": failed.Line(st) + started.Line(st), "pause": pause.Line(st),
			"table": Stats{process, process}.Table(st), "tree": Traces([]Span{root, other, orphan})[0].Tree(st, hostile),
		} {
			text = own.ReplaceAllString(text, "$2")
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				if strings.ContainsFunc(line, isCommand) || !utf8.ValidString(line) || strings.HasPrefix(line, " 9 warm ") {
					t.Errorf("%s, color %t: %q", name, st.Color, line)
				}
			}
		}
	}
}
