package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTable(t *testing.T) {
	var b table
	r := b.row("response", milliseconds, "bare")
	for _, v := range []float64{9, 2, 2.5} {
		r.add("bare", v)
	}
	r.add("epilogue", 5)
	b.row("delivered", share, "").add("epilogue", 99.6)
	b.row("response", milliseconds, "bare").add("epilogue", 2.5)
	var out strings.Builder
	b.write(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("want a header, a rule and two rows:\n%s", &out)
	}
	for _, line := range lines[1:] {
		if utf8.RuneCountInString(line) != utf8.RuneCountInString(lines[0]) {
			t.Errorf("columns are not aligned:\n%s", &out)
		}
	}
	cells := func(line string) string { return strings.Join(strings.Fields(strings.ReplaceAll(line, "|", " ")), " ") }
	if got := cells(lines[2]); !strings.HasPrefix(got, "response 2.50 ms – 1.50 –") { // medians: 2.5; 3.75 of it
		t.Errorf("got %q", got)
	}
	if got := cells(lines[3]); !strings.HasPrefix(got, "delivered – – 100 % –") {
		t.Errorf("got %q", got)
	}
}
