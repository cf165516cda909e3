package shutdown

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/logger"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// Report is the result of a shutdown.
type Report struct {
	OpenSpansEnded int

	plan     budget.ShutdownPlan
	took     time.Duration
	inFlight int             // invocations that had begun and not ended
	counts   []counts.Signal // empty if the Flusher is no Pipeline
	err      error           // of every part that failed
}

// fail adds the error of a part of the shutdown; nil adds nothing.
func (r *Report) fail(part string, err error) {
	if err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%s: %w", part, err))
	}
}

// undelivered reports whether telemetry was left undelivered. Without counts an error means that it was.
func (r *Report) undelivered() bool {
	if len(r.counts) == 0 {
		return r.err != nil
	}
	return slices.ContainsFunc(r.counts, func(s counts.Signal) bool { return s.Undelivered()+s.Open > 0 })
}

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
		slog.Duration("window", r.plan.Window),
		slog.Int("invocationsInFlight", r.inFlight),
		slog.Int("openSpansEnded", r.OpenSpansEnded),
	}
	for _, s := range r.counts {
		attrs = append(attrs, signalAttr(s))
	}
	if r.err != nil {
		attrs = append(attrs, slog.String("error", logger.OneLine(r.err)))
	}
	log.LogWithin(max(time.Until(r.plan.End), budget.CallGrace), level, message, attrs...)
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
	// Spans are open if EndOpenSpans has had no time for them, or if they began after it.
	for _, rare := range []slog.Attr{
		slog.Int64("open", s.Open), slog.Int64("spilled", s.Spilled), slog.Int64("superseded", s.Superseded),
	} {
		if rare.Value.Int64() != 0 {
			attrs = append(attrs, rare)
		}
	}
	if s.Repeated != 0 {
		attrs = append(attrs, slog.Int64("repeated", s.Repeated))
	}
	if s.BackendDown() {
		attrs = append(attrs, slog.String("breaker", s.Breaker))
	}
	return slog.Group(s.Name, attrs...)
}
