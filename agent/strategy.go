package agent

import (
	"strings"
	"time"
)

// FlushStrategy says after which invocations the agent flushes in mode extension; see [WithFlushStrategy]. Its zero value
// is [AtEnd].
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

// A process that ends without SIGTERM may lose a period of telemetry, and spans may arrive a period late.
const (
	leastPeriod   = time.Second
	mostPeriod    = 5 * time.Minute
	defaultPeriod = 10 * time.Second
)

// strategies are the names in EPILOGUE_FLUSH_STRATEGY.
var strategies = [...]string{atEnd: "end", periodic: "periodic", adaptive: "adaptive"}

const (
	strategyEnv      = "EPILOGUE_FLUSH_STRATEGY"
	strategyAccepted = "end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s"
)

// AtEnd flushes at the end of every invocation, before the environment can freeze.
func AtEnd() FlushStrategy { return FlushStrategy{} }

// Periodic flushes at the first end of an invocation that comes a period or more after the last flush began. So there is
// at most one flush in a period, and an invocation that follows a pause of a period is flushed at its own end.
//
// A deferred flush happens at the next end that is due, or in the shutdown. So a span waits less than the period and the
// time to the next end together. The period is from 1s to 5m; zero means the default, 10s.
func Periodic(period time.Duration) FlushStrategy { return newStrategy(periodic, period) }

// Adaptive flushes at every end while traffic is thin, and at intervals while it is dense. Traffic is dense if for at
// least a period no end came more than half a period after the one before. Then flushes are deferred until half a period
// has passed since the last one, or since an end at which nothing was pending.
//
// So no span waits longer than the period while ends come at most half of it apart. An end that comes later flushes, and
// so do the others of the period after it. The period is from 1s to 5m; zero means the default, 10s.
func Adaptive(period time.Duration) FlushStrategy { return newStrategy(adaptive, period) }

func newStrategy(kind strategyKind, period time.Duration) FlushStrategy {
	if period == 0 {
		period = defaultPeriod
	}
	return FlushStrategy{kind: kind, period: period}
}

// String is the strategy in the form of EPILOGUE_FLUSH_STRATEGY.
func (s FlushStrategy) String() string {
	if s.kind == atEnd {
		return strategies[atEnd]
	}
	return strategies[s.kind] + "," + s.period.String()
}

func (s FlushStrategy) valid() bool {
	return s.kind == atEnd || leastPeriod <= s.period && s.period <= mostPeriod
}

// parseStrategy reads a name, in any case (OpenTelemetry Specification, "Environment Variable Specification", Enum), and
// after a comma the period. It reports false for any other text.
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

// pickStrategy returns the option's value, the environment's, or the default; the latter with an error if the value
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
