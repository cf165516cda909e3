// Package logger writes the lines of the agent, so that a logger that blocks or panics harms nothing, and an outage does
// not fill the log.
package logger

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

const (
	// limitedInterval is the least time between two lines of the same message that LogLimited writes.
	limitedInterval = time.Minute

	// lineTimeout bounds the write of a line.
	lineTimeout = 100 * time.Millisecond
)

// Logger writes the agent's lines, one at a time. It abandons a write that blocks, and drops lines until that write has
// returned. A logger that panics does no harm.
type Logger struct {
	out  *slog.Logger // nil: slog.Default at the time of the line
	slot bounded.Slot

	mu      sync.Mutex
	limited map[string]*limitedLine // by message
}

// limitedLine is a line that could come with every invocation of an outage.
type limitedLine struct {
	last       time.Time // zero: never
	suppressed int
}

// New returns a Logger that writes to out; nil means slog.Default at the time of the line.
func New(out *slog.Logger) *Logger { return &Logger{out: out, limited: map[string]*limitedLine{}} }

// Log writes a line, and returns after lineTimeout at the latest.
func (l *Logger) Log(level slog.Level, message string, attrs ...any) {
	l.LogWithin(lineTimeout, level, message, attrs...)
}

// LogWithin is [Logger.Log] with a shorter bound.
func (l *Logger) LogWithin(limit time.Duration, level slog.Level, message string, attrs ...any) {
	ctx, cancel := context.WithTimeout(context.Background(), min(limit, lineTimeout))
	defer cancel()
	_ = l.slot.Call(ctx, 0, func(context.Context) error { // nothing else could tell of the failure
		out := l.out
		if out == nil {
			out = slog.Default()
		}
		out.Log(context.Background(), level, message, attrs...)
		return nil
	})
}

// LogLimited writes the line the first time, and then once in a limitedInterval with the number of suppressed lines.
func (l *Logger) LogLimited(level slog.Level, message string, attrs ...any) {
	suppressed, ok := l.admit(message)
	if !ok {
		return
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	l.Log(level, message, attrs...)
}

// admit reports whether the line may be written now, and how many have been suppressed since the last one.
func (l *Logger) admit(message string) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.limited[message]
	if line == nil {
		line = &limitedLine{}
		l.limited[message] = line
	}
	now := time.Now()
	if now.Sub(line.last) < limitedInterval {
		line.suppressed++
		return 0, false
	}
	suppressed = line.suppressed
	*line = limitedLine{last: now}
	return suppressed, true
}

// OneLine is the error's text without the line breaks of joined errors.
func OneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// ForLambda returns the logger that the environment of a function asks for. With AWS_LAMBDA_LOG_FORMAT=JSON a line
// is an object with the members timestamp, level and message, as Lambda's log filter expects; otherwise it is slog's
// text. Lines below AWS_LAMBDA_LOG_LEVEL, by default INFO, are left out.
func ForLambda(w io.Writer, getenv func(string) string) *slog.Logger {
	options := &slog.HandlerOptions{Level: lambdaLevels[getenv("AWS_LAMBDA_LOG_LEVEL")]}
	if getenv("AWS_LAMBDA_LOG_FORMAT") != "JSON" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
		case slog.MessageKey:
			a.Key = "message"
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// lambdaLevels are the levels that the values of AWS_LAMBDA_LOG_LEVEL mean, INFO for an unknown one (AWS Lambda Developer
// Guide, "Log-level filtering").
var lambdaLevels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "FATAL": slog.LevelError + 4,
}
