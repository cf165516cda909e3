package loglines

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

const (
	// writeTime is how long a caller waits for its line. Lambda takes a line within microseconds.
	writeTime = 100 * time.Millisecond
	// keptBytes is the largest buffer that is kept for the next line.
	keptBytes = 2 * maxLine
)

// Writer writes log records as lines. All methods are safe for concurrent use.
type Writer struct {
	out      io.Writer
	least    log.Severity // of lines
	slot     bounded.Slot // for out
	encoders sync.Pool    // of *encoder
}

// NewWriter returns a writer to out. level is the value of AWS_LAMBDA_LOG_LEVEL: TRACE, DEBUG, INFO, WARN, ERROR or
// FATAL, in any case. With another value, records of all severities are written.
func NewWriter(out io.Writer, level string) *Writer {
	w := &Writer{out: out, encoders: sync.Pool{New: func() any { return &encoder{names: map[string]bool{}} }}}
	for i, name := range levels {
		if strings.EqualFold(level, name) {
			w.least = firstSeverity(i)
		}
	}
	return w
}

// Enabled reports whether records of a severity may be written. It is true if the severity is not known.
func (w *Writer) Enabled(severity log.Severity) bool {
	return severity == log.SeverityUndefined || w.admits(severity)
}

func (w *Writer) admits(severity log.Severity) bool { return normal(severity) >= w.least }

// Write writes a record as one line, in one Write of the output, and returns when it is written. written is false
// without an error if the record is below the level. It is false with an error if the Write fails or takes longer than
// 100 ms.
//
// A Write that does not return must not hold the function, so it is left behind. Until it returns, Write fails at once.
// requestID is that of the invocation; empty: none. Write does not keep r.
func (w *Writer) Write(r *sdklog.Record, requestID string) (written bool, err error) {
	if !w.admits(r.Severity()) {
		return false, nil
	}
	e, _ := w.encoders.Get().(*encoder)
	line := e.encode(r, requestID)
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	err = w.slot.Call(ctx, 0, func(context.Context) error {
		n, err := w.out.Write(line)
		if err == nil && n < len(line) {
			err = io.ErrShortWrite
		}
		return err
	})
	if err != nil { // the Write may still read the line
		return false, fmt.Errorf("write to standard output: %w", err)
	}
	if cap(e.line) <= keptBytes {
		w.encoders.Put(e)
	}
	return true, nil
}

// levels are the names of the levels, each for four severities from 1 on (OpenTelemetry specification, "Logs Data
// Model").
var levels = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

const severitiesOfLevel = 4

func firstSeverity(level int) log.Severity { return log.Severity(level*severitiesOfLevel + 1) }

// normal returns a severity of the specification's range. An undefined one counts as INFO.
func normal(severity log.Severity) log.Severity {
	if severity < log.SeverityTrace1 {
		return log.SeverityInfo
	}
	return min(severity, log.SeverityFatal4)
}

func levelOf(severity log.Severity) string { return levels[(normal(severity)-1)/severitiesOfLevel] }
