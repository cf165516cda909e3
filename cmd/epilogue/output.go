package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/epilogue-go/epilogue/internal/report"
)

const (
	tailLines   = 20
	tailColumns = 240      // of a line of them: a stack trace in JSON is longer
	maxLogBytes = 64 << 10 // of a line; a longer one is cut into several
)

// processLog takes the output of a child process. It keeps the last lines, shows all of them if show is set, and passes
// each to a reader. Its methods are safe for concurrent use.
type processLog struct {
	name string
	show io.Writer // nil: hidden
	read func(line string)

	mu      sync.Mutex
	partial []byte
	tail    []string
}

// Write takes a piece of output. It never fails.
func (l *processLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole && len(l.partial) < maxLogBytes {
			return len(p), nil
		}
		l.line(string(bytes.TrimSuffix(line, []byte("\r"))))
		l.partial = append(l.partial[:0], rest...)
	}
}

func (l *processLog) line(text string) {
	l.tail = append(l.tail, text)
	if len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	if l.read != nil {
		l.read(text)
	}
	if l.show != nil {
		fmt.Fprintf(l.show, "%s | %s\n", l.name, text)
	}
}

// writeTail shows the last lines, unless they have been shown already.
func (l *processLog) writeTail(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.show != nil || len(l.tail) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe last lines of %s:\n", l.name)
	for _, line := range l.tail {
		fmt.Fprintln(w, "  "+report.Shorten(line, tailColumns))
	}
}

// lockedWriter lets several writers share one: whole lines of one never stand inside lines of another.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
