package otelx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
)

// DropError reports items of one signal that were lost since the last flush that could report them. Exactly one ForceFlush or
// Shutdown returns it.
type DropError struct {
	// Signal is "traces", "metrics" or "logs".
	Signal string
	// Dropped counts them by reason.
	Dropped Dropped
	// Cause is what the backend said about it last; nil if it said nothing.
	Cause error
}

// Error lists the counts.
func (e *DropError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s dropped:", e.Dropped.Total(), pipeline.ItemsOf(delivery.Signal(e.Signal)))
	for i, r := range e.Dropped.reasons() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d %s", r.Count, r.Words)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, " (%v)", e.Cause)
	}
	return b.String()
}

// Unwrap returns Cause.
func (e *DropError) Unwrap() error { return e.Cause }

func newDropError(s delivery.Signal, d delivery.Dropped, cause error) error {
	return &DropError{Signal: string(s), Dropped: Dropped(d), Cause: cause}
}

func isDropError(err error) bool {
	var drop *DropError
	return errors.As(err, &drop)
}
