package local

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"github.com/epilogue-go/epilogue/internal/report"
)

const (
	tailLines   = 20
	tailColumns = 240      // of a line of them: a stack trace in JSON is longer
	maxLogBytes = 64 << 10 // of a line; a longer one is cut into several
)

// ProcessLog takes the output of a child process. It keeps the last lines, shows all of them if Show is set, and passes
// each to a reader. Its methods are safe for concurrent use.
type ProcessLog struct {
	Name string
	Show io.Writer // nil: hidden
	Read func(line string)

	mu      sync.Mutex
	partial []byte
	tail    []string
	crash   string // the last line with which the Go runtime begins a crash's report
}

// Write takes a piece of output. It never fails.
func (l *ProcessLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	data := l.partial
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole && len(data) < maxLogBytes {
			break
		}
		l.line(string(bytes.TrimSuffix(line, []byte("\r"))))
		data = rest
	}
	l.partial = append(l.partial[:0], data...)
	return len(p), nil
}

// Flush ends a line that its process has not ended.
func (l *ProcessLog) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.line(string(l.partial))
		l.partial = nil
	}
}

func (l *ProcessLog) line(text string) {
	l.tail = append(l.tail, text)
	if len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	if beginsCrash.MatchString(text) {
		l.crash = text
	}
	if l.Read != nil {
		l.Read(text)
	}
	if l.Show != nil {
		fmt.Fprintf(l.Show, "%s | %s\n", report.Visible(l.Name), report.VisibleLines(text))
	}
}

// beginsCrash finds the first line of a Go program's crash. The registers and goroutines below it are longer than the tail.
var beginsCrash = regexp.MustCompile(`^(panic: |fatal error: |SIG[A-Z]+: |unexpected fault address )`)

// WriteTail shows the last lines, unless they have been shown already, and the line that says why a Go program crashed.
func (l *ProcessLog) WriteTail(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Show != nil || len(l.tail) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe last lines of %s:\n", report.Visible(l.Name))
	lines := l.tail
	if l.crash != "" && !slices.Contains(lines, l.crash) {
		lines = append([]string{l.crash, "…"}, lines...)
	}
	for _, line := range lines {
		fmt.Fprintln(w, "  "+report.Shorten(report.VisibleLines(line), tailColumns))
	}
}
