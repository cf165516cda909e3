package lines

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzLine: every document found in any text is OTLP, and a complete line after the text is found.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"", line("a"), "x " + line("b") + " y", metricsLine("m") + logsLine("l"), csvOf(logsLine("l"), metricsLine("m")), compact(export(line("c"))), csvOf(line("d")), `{""resourceSpans"":[]}"`, `{"resourceSpans`, `\{"resourceSpans":[]}`,
		`{\"resourceSpans\":\"`, `{\\"resourceSpans\\":"`, `{"resourceSpans":[{"resource":{"a":"\\\"}"}}]}`,
		strings.Repeat(`{"resourceSpans":`, 20), `{"traceId":1,"resourceSpans":[{"x":null}]}`, `"resourceSpans":{"resourceSpans":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		find(text, func(document []byte) bool {
			data, err := decode(document)
			if err == nil {
				err = check(data.Traces)
			}
			return err == nil
		})
		text = append(bytes.ReplaceAll(text, []byte("\n"), nil), '\n')
		var names []string
		if _, err := Read(bytes.NewReader(append(text, lastLine(text)...)), collect(&names)); err != nil && !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			t.Fatal(err)
		} else if err == nil && (len(names) == 0 || names[len(names)-1] != "last") {
			t.Fatalf("the line after %q is not found", text)
		}
	})
}

// lastLine is a line of one of the signals.
func lastLine(text []byte) string {
	return []func(string) string{line, metricsLine, logsLine}[len(text)%3]("last")
}

// FuzzReader: only broken gzip makes Read fail, and its counts add up.
func FuzzReader(f *testing.F) {
	f.Add([]byte(line("a") + "\n" + line("b")))
	f.Add([]byte(pretty(export(line("a"), "START"))))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, text []byte) {
		documents := 0
		in, err := Read(bytes.NewReader(text), func(Document) error { documents++; return nil })
		if err != nil && !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			t.Fatal(err)
		}
		if in.Documents != documents || in.Without > in.Lines || in.Lines-in.Without > in.Documents+in.Broken {
			t.Fatalf("%d documents, counted %+v", documents, in)
		}
	})
}

func collect(names *[]string) func(Document) error {
	return func(data Document) error {
		*names = append(*names, namesOf(data)...)
		return nil
	}
}
