package agent

import (
	"strings"
	"time"
)

// FlushStrategy says at which ends of invocations the agent flushes, where it holds the environment: see
// [WithFlushStrategy]. Its zero value is [AtEnd].
type FlushStrategy struct {
	kind   strategyKind
	period time.Duration // zero with atEnd
}

type strategyKind int

const (
	atEnd strategyKind = iota
	periodic
	adaptive
)

// The period is what a process that ends without SIGTERM may lose, and how late a span may arrive.
const (
	leastPeriod    = time.Second
	mostPeriod     = 5 * time.Minute
	standardPeriod = 10 * time.Second
)

// strategies are the names in the environment.
var strategies = [...]string{atEnd: "end", periodic: "periodic", adaptive: "adaptive"}

const (
	strategyEnv      = "EPILOGUE_FLUSH_STRATEGY"
	strategyAccepted = "end, periodic or adaptive, the latter two with a period from 1s to 5m if it is not to be 10s, such as adaptive,30s"
)

// AtEnd flushes at the end of every invocation: before the environment can freeze all is sent.
func AtEnd() FlushStrategy { return FlushStrategy{} }

// Periodic flushes at the first end of an invocation that comes a period or more after the last flush began. So there is
// one flush a period at most, and an invocation that nobody came a period before is flushed at its own end.
//
// What is put off leaves with the next end that is due. So a span waits for less than the period and the time to the
// next end together, or until the environment ends. The period is from 1s to 5m; zero is the default, 10s.
func Periodic(period time.Duration) FlushStrategy { return newStrategy(periodic, period) }

// Adaptive flushes at every end while traffic is thin, and at intervals while it is dense. It is dense when, for a
// period at least, no end has come more than half a period after the one before. Then flushes are put off until half a
// period has passed since the last one, or since an end at which nothing waited.
//
// So no span waits for longer than the period to be sent, while ends come no more than half of it apart. One that comes
// later flushes all, and so do the others of the period after it. The period is from 1s to 5m; zero is the default, 10s.
func Adaptive(period time.Duration) FlushStrategy { return newStrategy(adaptive, period) }

func newStrategy(kind strategyKind, period time.Duration) FlushStrategy {
	if period == 0 {
		period = standardPeriod
	}
	return FlushStrategy{kind: kind, period: period}
}

// String is the strategy as EPILOGUE_FLUSH_STRATEGY has it.
func (s FlushStrategy) String() string {
	if s.kind == atEnd {
		return strategies[atEnd]
	}
	return strategies[s.kind] + "," + s.period.String()
}

func (s FlushStrategy) valid() bool {
	return s.kind == atEnd || leastPeriod <= s.period && s.period <= mostPeriod
}

// parseStrategy reads a name, whose case does not matter (OpenTelemetry Specification, "Environment Variable
// Specification", Enum), and behind a comma the period. It reports false for what is not accepted.
func parseStrategy(text string) (FlushStrategy, bool) {
	name, period, hasPeriod := strings.Cut(text, ",")
	for kind, known := range strategies {
		if !strings.EqualFold(strings.TrimSpace(name), known) {
			continue
		}
		s := newStrategy(strategyKind(kind), 0)
		if strategyKind(kind) == atEnd {
			return AtEnd(), !hasPeriod
		}
		if hasPeriod {
			d, err := time.ParseDuration(strings.TrimSpace(period))
			if err != nil {
				return AtEnd(), false
			}
			s.period = d
		}
		return s, s.valid()
	}
	return AtEnd(), false
}

// pickStrategy returns the option's value, the environment's, or the default; the latter with an error where the value
// is bad.
func pickStrategy(option *FlushStrategy, getenv func(string) string) (FlushStrategy, error) {
	setting, text := strategyEnv, getenv(strategyEnv)
	s, ok := AtEnd(), true
	switch {
	case option != nil:
		setting, text = "WithFlushStrategy", option.String()
		s, ok = *option, option.valid()
	case text != "":
		s, ok = parseStrategy(text)
	}
	if !ok {
		return AtEnd(), badValue(setting, text, strategyAccepted, AtEnd().String())
	}
	return s, nil
}
