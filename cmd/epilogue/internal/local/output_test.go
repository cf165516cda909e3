package local

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestProcessLog(t *testing.T) {
	var shown bytes.Buffer
	var read []string
	l := &ProcessLog{Name: "fn", Show: &shown, Read: func(line string) { read = append(read, line) }}
	for _, piece := range []string{"one\ntw", "o\r\n", "three"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	if got := strings.Join(read, "|"); got != "one|two" {
		t.Errorf("read %q", got)
	}
	if got := shown.String(); got != "fn | one\nfn | two\n" {
		t.Errorf("showed %q", got)
	}
	long := strings.Repeat("x", 2*maxLogBytes)
	_, _ = l.Write([]byte(long))
	if len(l.partial) >= maxLogBytes {
		t.Errorf("%d bytes of a line without an end are held", len(l.partial))
	}
}

func TestTail(t *testing.T) {
	l := &ProcessLog{Name: "fn"}
	for i := range tailLines + 5 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	var b bytes.Buffer
	l.WriteTail(&b)
	if got := b.String(); strings.Contains(got, "line 4\n") || !strings.Contains(got, "  line 5\n") || !strings.Contains(got, "the last lines of fn:") {
		t.Errorf("got %s", got)
	}
}
