// Package settings resolves the settings of the agent: an option beats the environment variable, and that beats the
// default. A bad value never stops the function: it is an error that names the default that is used instead.
package settings

import (
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

// Options has the values of the options given to agent.Start; nil if there is none for a setting.
type Options struct {
	ExtensionName    *string
	Strategy         *strategy.Strategy
	FlushTimeout     *time.Duration
	DeadlineMargin   *time.Duration
	HandlerStartWait *time.Duration
	ShutdownBudget   *time.Duration
	PreTimeoutFlush  *time.Duration
	ShutdownOnly     *bool
	EndBeforeTimeout *bool
}

// Settings are the resolved values.
type Settings struct {
	ExtensionName    string
	Budget           budget.Budget
	Strategy         strategy.Strategy
	HandlerStartWait time.Duration
	ShutdownOnly     bool
	EndBeforeTimeout bool
}

// Resolve takes each setting from its option, or else from the environment, or else from the default. bad has an error
// for each value that is not accepted.
func Resolve(o Options, getenv func(string) string) (s Settings, bad []error) {
	pick := func(d duration, option *time.Duration) time.Duration {
		value, err := d.pick(option, getenv)
		return accepted(&bad, value, err)
	}
	s.Budget = budget.Budget{
		FlushTimeout:    pick(flushTimeout, o.FlushTimeout),
		Margin:          pick(deadlineMargin, o.DeadlineMargin),
		Shutdown:        pick(shutdownBudget, o.ShutdownBudget),
		PreTimeoutFlush: pick(preTimeoutFlush, o.PreTimeoutFlush),
	}
	s.HandlerStartWait = pick(handlerStartWait, o.HandlerStartWait)

	chosen, err := pickStrategy(o.Strategy, getenv)
	s.Strategy = accepted(&bad, chosen, err)
	name, err := pickName(o.ExtensionName, getenv)
	s.ExtensionName = accepted(&bad, name, err)
	only, err := pickBool(o.ShutdownOnly, shutdownOnlyEnv, getenv)
	s.ShutdownOnly = accepted(&bad, only, err)
	before, err := pickBool(o.EndBeforeTimeout, endBeforeTimeoutEnv, getenv)
	s.EndBeforeTimeout = accepted(&bad, before, err)
	return s, bad
}

// accepted returns the value, and adds the error to bad if there is one.
func accepted[T any](bad *[]error, value T, err error) T {
	if err != nil {
		*bad = append(*bad, err)
	}
	return value
}
