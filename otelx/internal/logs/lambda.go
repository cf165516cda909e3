package logs

import (
	"context"
	"io"
	"sync"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/loglines"
	"github.com/epilogue-go/epilogue/internal/requestid"
)

// Lambda writes each log record as a line before its emission returns, so it has no queue.
type Lambda struct {
	Flusher

	writer *loglines.Writer
	lines  *Lines
}

var _ sdklog.Processor = (*Lambda)(nil)

// NewLambda returns a processor that writes to w. level is the value of AWS_LAMBDA_LOG_LEVEL. lines counts its lines.
func NewLambda(w io.Writer, level string, lines *Lines, f Flusher) *Lambda {
	return &Lambda{f, loglines.NewWriter(w, level), lines}
}

// Enabled reports whether records of a severity have the level.
func (l *Lambda) Enabled(_ context.Context, p sdklog.EnabledParameters) bool {
	return l.writer.Enabled(p.Severity)
}

// OnEmit writes record. The next flush reports a failure.
func (l *Lambda) OnEmit(ctx context.Context, record *sdklog.Record) error {
	if written, err := l.writer.Write(record, requestid.From(ctx)); written || err != nil {
		l.lines.add(err)
	}
	return nil
}

// Lines counts lines as a queue does that is always empty. A flush only reports those that were not written.
type Lines struct {
	dropError func(d delivery.Dropped, cause error) error

	mu       sync.Mutex
	stats    delivery.Stats
	reported int64
	cause    error // of the last failure
}

// NewLines returns a count of no lines. dropError makes the error of a flush.
func NewLines(dropError func(d delivery.Dropped, cause error) error) *Lines {
	return &Lines{dropError: dropError}
}

// add counts a line that was written, or not because of err.
func (l *Lines) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Ended++
	if err == nil {
		l.stats.Exported++
		return
	}
	l.stats.Dropped.WriteFailed++
	l.cause = err
}

// Flush returns an error about the lines that were not written since the last flush.
func (l *Lines) Flush(context.Context) error {
	l.mu.Lock()
	n, cause := l.stats.Dropped.WriteFailed-l.reported, l.cause
	l.reported += n
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	return l.dropError(delivery.Dropped{WriteFailed: n}, cause)
}

// Shutdown is Flush. Later records are written, too.
func (l *Lines) Shutdown(ctx context.Context) error { return l.Flush(ctx) }

// Pending returns 0, and whether Flush has an error to report.
func (l *Lines) Pending() (n int, flushNow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 0, l.stats.Dropped.WriteFailed > l.reported
}

// SetBackgroundExport does nothing.
func (*Lines) SetBackgroundExport(bool) {}

// Stats counts written lines as exported.
func (l *Lines) Stats() delivery.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}
