// Package strategy decides after which invocations the agent flushes. A [Strategy] is the setting; a [Schedule] applies
// it to the ends of invocations.
package strategy

import (
	"strings"
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
