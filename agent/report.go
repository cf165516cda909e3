package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// report is what a drain did.
type report struct {
	took, window time.Duration
	inFlight     int        // invocations that had begun and not ended
	endedOpen    int        // spans that had been open
	account      slog.Value // the Flusher's; an empty group where it has none
	err          error      // of every part that failed
}

// fail adds what went wrong in a part of the shutdown; nil adds nothing.
func (r *report) fail(part string, err error) {
	if err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%s: %w", part, err))
	}
}

// complete writes the last line.
func (a *Agent) complete(r *report) {
	write, message := info, "graceful shutdown completed"
	if r.err != nil {
		write = warn
	}
	if lost, known := undelivered(r.account); lost > 0 || !known && r.err != nil {
		write, message = warn, "graceful shutdown completed, but not everything was delivered"
	}
	attrs := []any{
		slog.Duration("took", r.took.Round(time.Microsecond)),
		slog.Duration("window", r.window),
		slog.Int("invocationsInFlight", r.inFlight),
		slog.Int("spansEndedOpen", r.endedOpen),
		slog.Attr{Key: "telemetry", Value: r.account}, // left out by slog where it is an empty group
	}
	if r.err != nil {
		attrs = append(attrs, slog.String("error", oneLine(r.err)))
	}
	a.log.say(write, message, attrs...)
}

// undelivered adds up what the account has under "pending" and "dropped", in groups too. It is not known where the
// account has neither.
func undelivered(account slog.Value) (sum int64, known bool) {
	if account.Kind() != slog.KindGroup {
		return 0, false
	}
	for _, attr := range account.Group() {
		n, ok := undelivered(attr.Value)
		if attr.Key == "pending" || attr.Key == "dropped" {
			n, ok = total(attr.Value), true
		}
		sum, known = sum+n, known || ok
	}
	return sum, known
}

// total is a number, or the sum of a group of numbers.
func total(v slog.Value) (sum int64) {
	switch v.Kind() {
	case slog.KindInt64:
		return v.Int64()
	case slog.KindUint64:
		return int64(v.Uint64()) //nolint:gosec // a count
	case slog.KindGroup:
		for _, attr := range v.Group() {
			sum += total(attr.Value)
		}
	}
	return sum
}
