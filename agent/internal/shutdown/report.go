package shutdown

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/logger"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// Report is the result of a shutdown.
type Report struct {
	took, window time.Duration
	end          time.Time       // of the window
	inFlight     int             // invocations that had begun and not ended
	spansEnded   int             // spans that were open
	counts       []counts.Signal // empty if the Flusher is no Pipeline
	err          error           // of every part that failed
}

// fail adds the error of a part of the shutdown; nil adds nothing.
func (r *Report) fail(part string, err error) {
	if err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%s: %w", part, err))
	}
}

// undelivered reports whether telemetry was left undelivered. Without counts an error means that it was.
func (r *Report) undelivered() bool {
	for _, s := range r.counts {
		if s.Undelivered() > 0 {
			return true
		}
	}
	return len(r.counts) == 0 && r.err != nil
}

// writeReport writes the counts to the file, if there are any.
func (s *Shutdown) writeReport(ctx context.Context, r *Report) error {
	if s.ReportPath == "" || len(r.counts) == 0 {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, r.end)
	defer cancel()
	_, err := bounded.Call(ctx, budget.CallGrace, func(context.Context) (struct{}, error) {
		return struct{}{}, counts.ShutdownReport{Signals: r.counts}.Write(s.ReportPath)
	})
	return err
}

// Restart gives Log a new window, which begins now.
func (r *Report) Restart() { r.end = time.Now().Add(r.window) }

// Log writes the last line. It does not outlast the window by more than budget.CallGrace, even if the log blocks.
func (r *Report) Log(log *logger.Logger) {
	level, message := slog.LevelInfo, "graceful shutdown completed"
	if r.err != nil {
		level = slog.LevelWarn
	}
	if r.undelivered() {
		level, message = slog.LevelWarn, "graceful shutdown completed, but not everything was delivered"
	}
	attrs := []any{
		slog.Duration("took", r.took.Round(time.Microsecond)),
		slog.Duration("window", r.window),
		slog.Int("invocationsInFlight", r.inFlight),
		slog.Int("openSpansEnded", r.spansEnded),
	}
	for _, s := range r.counts {
		attrs = append(attrs, signalAttr(s))
	}
	if r.err != nil {
		attrs = append(attrs, slog.String("error", logger.OneLine(r.err)))
	}
	log.LogWithin(max(time.Until(r.end), budget.CallGrace), level, message, attrs...)
}

// signalAttr renders the counts of a signal, without those that are rare and zero.
func signalAttr(s counts.Signal) slog.Attr {
	attrs := []any{
		slog.Int64("ended", s.Ended), slog.Int64("exported", s.Exported),
		slog.Int64("pending", s.Pending), slog.Int64("dropped", s.Dropped),
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Reasons)) {
		attrs = append(attrs, slog.Int64("dropped_"+reason, s.Reasons[reason]))
	}
	if s.Spilled != 0 {
		attrs = append(attrs, slog.Int64("spilled", s.Spilled))
	}
	if s.Superseded != 0 {
		attrs = append(attrs, slog.Int64("superseded", s.Superseded))
	}
	if s.BackendDown() {
		attrs = append(attrs, slog.String("breaker", s.Breaker))
	}
	return slog.Group(s.Name, attrs...)
}
