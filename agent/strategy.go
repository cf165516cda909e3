package agent

import (
	"cmp"
	"time"
)

// FlushStrategy says after which invocations the agent flushes in mode extension; see [WithFlushStrategy]. Its zero value
// is [AtEnd].
type FlushStrategy struct{ text string }

// AtEnd flushes at the end of every invocation, before the environment can freeze.
func AtEnd() FlushStrategy { return FlushStrategy{} }

// Periodic flushes at the first end of an invocation that comes a period or more after the last flush began. So there is
// at most one flush in a period, and an invocation that follows a pause of a period is flushed at its own end.
//
// A deferred flush happens at the next end that is due, or in the shutdown. So a span waits less than the period and the
// time to the next end together. The period is from 1s to 5m; zero means the default, 10s.
func Periodic(period time.Duration) FlushStrategy { return withPeriod("periodic", period) }

// Adaptive flushes at every end while traffic is thin, and at intervals while it is dense. Traffic is dense if for at
// least a period no end came more than half a period after the one before. Then flushes are deferred until half a period
// has passed since the last one, or since an end at which nothing was pending.
//
// So no span waits longer than the period while ends come at most half of it apart. An end that comes later flushes, and
// so do the others of the period after it. The period is from 1s to 5m; zero means the default, 10s.
func Adaptive(period time.Duration) FlushStrategy { return withPeriod("adaptive", period) }

func withPeriod(name string, period time.Duration) FlushStrategy {
	if period == 0 {
		return FlushStrategy{name}
	}
	return FlushStrategy{name + "," + period.String()}
}

// String is the strategy in the form of EPILOGUE_FLUSH_STRATEGY.
func (s FlushStrategy) String() string { return cmp.Or(s.text, "end") }
