package agent

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/retired"
)

const (
	// limitedInterval is the least time between two lines of the same message that logLimited writes.
	limitedInterval = time.Minute

	// lineTimeout bounds the write of a line.
	lineTimeout = 100 * time.Millisecond
)

// logger writes the agent's lines, one at a time. It abandons a write that blocks, and drops lines until that write has
// returned. A logger that panics does no harm.
type logger struct {
	out *slog.Logger // nil: slog.Default at the time of the line

	writing chan struct{} // has a token during a write, for lineTimeout at most
	slot    bounded.Exclusive

	mu      sync.Mutex
	limited map[string]*limitedLine // by message
}

// limitedLine is a line that could come with every invocation of an outage.
type limitedLine struct {
	last       time.Time
	suppressed int
}

func newLogger(out *slog.Logger) *logger { return &logger{out: out, writing: make(chan struct{}, 1)} }

// log writes a line, and returns after lineTimeout at the latest.
func (l *logger) log(level slog.Level, message string, attrs ...any) {
	l.logWithin(lineTimeout, level, message, attrs...)
}

// logWithin is log with a bound of its own.
func (l *logger) logWithin(limit time.Duration, level slog.Level, message string, attrs ...any) {
	l.writing <- struct{}{}
	defer func() { <-l.writing }()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
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

// logLimited writes the line the first time, and then once in a limitedInterval with the number of suppressed lines.
func (l *logger) logLimited(level slog.Level, message string, attrs ...any) {
	suppressed, ok := l.admit(message)
	if !ok {
		return
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	l.log(level, message, attrs...)
}

// admit reports whether the line may be written now, and how many have been suppressed since the last one.
func (l *logger) admit(message string) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.limited[message]
	if line == nil {
		line = &limitedLine{}
		if l.limited == nil {
			l.limited = map[string]*limitedLine{}
		}
		l.limited[message] = line
	}
	now := time.Now()
	if !line.last.IsZero() && now.Sub(line.last) < limitedInterval {
		line.suppressed++
		return 0, false
	}
	suppressed, line.last, line.suppressed = line.suppressed, now, 0
	return suppressed, true
}

// logSettings logs a line for each bad setting, and inside Lambda one for the retired variables that are set.
func (l *logger) logSettings(bad []error, getenv func(string) string) {
	for _, err := range bad {
		l.log(slog.LevelWarn, "agent: setting not accepted", slog.Any("error", err))
	}
	if getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return
	}
	old := retired.Check(retired.Agent, getenv)
	if len(old) == 0 {
		return
	}
	texts := make([]string, len(old))
	for i, err := range old {
		texts[i] = err.Error()
	}
	l.log(slog.LevelWarn, "agent: retired settings", slog.String("error", strings.Join(texts, "; ")))
}

// oneLine is the error's text without the line breaks of joined errors.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// lambdaLevel returns the level that a value of AWS_LAMBDA_LOG_LEVEL means, INFO for an unknown one (AWS Lambda Developer
// Guide, "Log-level filtering").
func lambdaLevel(name string) slog.Level {
	switch name {
	case "TRACE":
		return slog.LevelDebug - 4
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return slog.LevelError + 4
	default:
		return slog.LevelInfo
	}
}

// newLambdaLogger returns the logger that the environment of a function asks for. With AWS_LAMBDA_LOG_FORMAT=JSON a line
// is an object with the members timestamp, level and message, as Lambda's log filter expects; otherwise it is slog's
// text. Lines below AWS_LAMBDA_LOG_LEVEL, by default INFO, are left out.
func newLambdaLogger(w io.Writer, getenv func(string) string) *slog.Logger {
	options := &slog.HandlerOptions{Level: lambdaLevel(getenv("AWS_LAMBDA_LOG_LEVEL"))}
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
