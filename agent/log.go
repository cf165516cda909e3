package agent

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

// quiet is how long a line that is said rarely is not said again.
const quiet = time.Minute

// journal writes the agent's lines. A logger that panics does no harm.
type journal struct {
	logger *slog.Logger // nil: slog.Default at the time of the line

	mu   sync.Mutex
	rare map[string]*rareLine // by message
}

// rareLine is what is known of a line that could come with every invocation of an outage.
type rareLine struct {
	last       time.Time
	suppressed int
}

// level is how important a line is: a method of the logger.
type level func(logger *slog.Logger, message string, attrs ...any)

var (
	debug level = (*slog.Logger).Debug
	info  level = (*slog.Logger).Info
	warn  level = (*slog.Logger).Warn
)

// say writes a line.
func (j *journal) say(write level, message string, attrs ...any) {
	logger := j.logger
	if logger == nil {
		logger = slog.Default()
	}
	_ = safely(func() { write(logger, message, attrs...) })
}

// sayRarely writes a line the first time and then, as long as it keeps coming, at intervals, with how many were left
// out.
func (j *journal) sayRarely(write level, message string, attrs ...any) {
	suppressed, ok := j.due(message)
	if !ok {
		return
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	j.say(write, message, attrs...)
}

// due reports whether the line may be written now, and how many have been left out since it was.
func (j *journal) due(message string) (suppressed int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := j.rare[message]
	if line == nil {
		line = &rareLine{}
		if j.rare == nil {
			j.rare = map[string]*rareLine{}
		}
		j.rare[message] = line
	}
	now := time.Now()
	if !line.last.IsZero() && now.Sub(line.last) < quiet {
		line.suppressed++
		return 0, false
	}
	suppressed, line.last, line.suppressed = line.suppressed, now, 0
	return suppressed, true
}

// oneLine is the error's text without the line breaks of joined errors.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
