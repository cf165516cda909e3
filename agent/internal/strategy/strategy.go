// Package strategy decides after which invocations the agent flushes. A [Strategy] is the setting; a [Schedule] applies
// it to the ends of invocations.
package strategy

import (
	"strings"
	"sync"
	"time"
)

// Strategy is the value of agent.FlushStrategy, which has the contract of each kind. The zero value flushes at each end.
type Strategy struct {
	Kind   Kind
	Period time.Duration // zero with AtEnd
}

// Kind is one of the three strategies.
type Kind int

// The kinds. Their names are those in EPILOGUE_FLUSH_STRATEGY.
const (
	AtEnd Kind = iota
	Periodic
	Adaptive
)

var names = [...]string{AtEnd: "end", Periodic: "periodic", Adaptive: "adaptive"}

// A process that ends without SIGTERM may lose a period of telemetry, and spans may arrive a period late.
const (
	leastPeriod   = time.Second
	mostPeriod    = 5 * time.Minute
	defaultPeriod = 10 * time.Second
)

// Accepted describes the texts that [Parse] accepts, for errors.
const Accepted = "end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s"

// Parse reads a name, in any case (OpenTelemetry Specification, "Environment Variable Specification", Enum), and after a
// comma the period. It returns the zero Strategy and false for any other text.
func Parse(text string) (Strategy, bool) {
	name, period, hasPeriod := strings.Cut(text, ",")
	for kind, known := range names {
		if !strings.EqualFold(strings.TrimSpace(name), known) {
			continue
		}
		if Kind(kind) == AtEnd {
			return Strategy{}, !hasPeriod
		}
		s := Strategy{Kind: Kind(kind), Period: defaultPeriod}
		if hasPeriod {
			s.Period, _ = time.ParseDuration(strings.TrimSpace(period)) // zero, which is too short, if it fails
		}
		if leastPeriod <= s.Period && s.Period <= mostPeriod {
			return s, true
		}
	}
	return Strategy{}, false
}

// Schedule decides at the end of each invocation whether the flush may be deferred, from the times of ends and flushes
// alone: a timer would freeze with the environment. It reads no clock and is safe for concurrent use.
//
// After a failed flush it defers nothing until a flush succeeds.
type Schedule struct {
	strategy Strategy

	mu         sync.Mutex
	lastEnd    time.Time // of an invocation; zero: never, as for the other times
	denseSince time.Time // the first of the ends that have since followed each other within half a period
	oldest     time.Time // since when items may wait: nothing was pending then, or all of it was being delivered
	lastFlush  time.Time // the beginning of the last flush that succeeded
	lastFailed bool      // the last flush failed
}

// NewSchedule returns the schedule of a strategy.
func NewSchedule(s Strategy) *Schedule { return &Schedule{strategy: s} }

// since returns the time from a moment to a later one, by the clock that shows more. It is not documented whether the
// monotonic clock advances in a frozen environment, and the wall clock may be set back. A clock that is wrong then causes
// a flush, never a deferral.
func since(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// Due reports whether pending items are to be flushed at the end of an invocation, now. Call it once for each.
func (s *Schedule) Due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	period := s.strategy.Period
	half := period / 2 // items that have waited for less can wait for another gap of that length
	if since(s.lastEnd, now) > half {
		s.denseSince = now
	}
	s.lastEnd = now
	switch {
	case s.lastFailed:
		return true
	case s.strategy.Kind == Periodic:
		return since(s.lastFlush, now) >= period
	case s.strategy.Kind == Adaptive:
		return since(s.denseSince, now) < period || since(s.oldest, now) >= half
	default:
		return true
	}
}

// Flushed records the end of a flush that began at began. A success has delivered everything that ended before.
func (s *Schedule) Flushed(began time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastFailed = err != nil
	if err == nil {
		s.lastFlush, s.oldest = began, began
	}
}

// Emptied records that nothing was pending at that moment.
func (s *Schedule) Emptied(then time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest, s.lastFailed = then, false
}
