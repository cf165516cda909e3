// Package cli has the parts that all subcommands share: the console, errors of usage, and flags with bounds.
package cli

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/epilogue-go/epilogue/internal/report"
)

// ErrInterrupted is the cause of a context that a signal canceled.
var ErrInterrupted = errors.New("interrupted")

// Console is the input and the outputs of a command. Several goroutines write to Out.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	Style    report.Style // of Out
}

// UsageError is an invalid command line. Its text names the remedy.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// LockedWriter lets several writers share one: whole lines of one never stand inside lines of another.
type LockedWriter struct {
	W io.Writer

	mu sync.Mutex
}

func (l *LockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.W.Write(p)
}
