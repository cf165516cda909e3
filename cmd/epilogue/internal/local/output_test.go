package local

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestOutputIsReadLineByLine(t *testing.T) {
	var shown, tail bytes.Buffer
	var read []string
	l := &ProcessLog{Name: "fn", Show: &shown, Read: func(line string) { read = append(read, line) }}
	for _, piece := range []string{"one\ntw", "o\r\n", "three"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	if got := strings.Join(read, "|"); got != "one|two" || shown.String() != "fn | one\nfn | two\n" {
		t.Errorf("read %q, showed %q", got, shown.String())
	}
	if l.Flush(); strings.Join(read, "|") != "one|two|three" {
		t.Errorf("a line that is not ended: read %q", read)
	}
	_, _ = l.Write([]byte(strings.Repeat("x", 2*maxLogBytes)))
	if len(l.partial) >= maxLogBytes {
		t.Errorf("%d bytes of a line without an end are held", len(l.partial))
	}
	if l.WriteTail(&tail); tail.Len() != 0 {
		t.Errorf("shown lines are shown again: %s", &tail)
	}
	hidden := &ProcessLog{Name: "fn"}
	_, _ = hidden.Write(bytes.Repeat([]byte("\n"), 1<<20)) // takes minutes unless it is linear
	fmt.Fprintln(hidden, "panic: no tea")
	for i := range tailLines + 5 {
		fmt.Fprintf(hidden, "line %d\n", i)
	}
	hidden.WriteTail(&tail)
	if got := tail.String(); strings.Contains(got, "line 4\n") || !strings.Contains(got, "the last lines of fn:\n  panic: no tea\n  …\n  line 5\n") {
		t.Errorf("got %s", got)
	}
}
