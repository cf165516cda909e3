// Package settings resolves the settings of the agent: an option beats the environment variable, and that beats the
// default. A bad value never stops the function: it is an error that names the default that is used instead.
package settings

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

// Settings are the resolved values.
type Settings struct {
	ExtensionName    string
	Budget           budget.Budget
	Strategy         strategy.Strategy
	HandlerStartWait time.Duration
	ShutdownOnly     bool
	EndBeforeTimeout bool
	WithoutExit      bool
}

// Options has the values of the options given to agent.Start, by the option's name. Each is in the form of the
// setting's environment variable.
type Options map[string]string

// setting is one setting of the agent.
type setting struct {
	option, env string
	fallback    string // the default; empty: the platform's window
	accepted    string // describes the accepted texts

	// set changes the settings and reports true if it accepts the text.
	set func(s *Settings, text string) bool
}

var all = [...]setting{
	{
		"WithExtensionName", "EPILOGUE_EXTENSION_NAME", "epilogue", "1 to 128 letters, digits, dots, underscores and hyphens",
		func(s *Settings, text string) bool { s.ExtensionName = text; return validName(text) },
	},
	{
		"WithFlushStrategy", "EPILOGUE_FLUSH_STRATEGY", "end", strategy.Accepted,
		func(s *Settings, text string) (ok bool) { s.Strategy, ok = strategy.Parse(text); return ok },
	},
	duration("WithFlushTimeout", "EPILOGUE_FLUSH_TIMEOUT", "2s", time.Millisecond, 15*time.Minute,
		func(s *Settings) *time.Duration { return &s.Budget.FlushTimeout }),
	duration("WithDeadlineMargin", "EPILOGUE_DEADLINE_MARGIN", "50ms", 0, 10*time.Second,
		func(s *Settings) *time.Duration { return &s.Budget.Margin }),
	duration("WithHandlerStartWait", "EPILOGUE_HANDLER_START_WAIT", "250ms", 0, 10*time.Second,
		func(s *Settings) *time.Duration { return &s.HandlerStartWait }),
	duration("WithShutdownBudget", "EPILOGUE_SHUTDOWN_BUDGET", "", 50*time.Millisecond, 10*time.Second,
		func(s *Settings) *time.Duration { return &s.Budget.Shutdown }),
	duration("WithPreTimeoutFlush", "EPILOGUE_PRE_TIMEOUT_FLUSH", "200ms", 0, time.Minute,
		func(s *Settings) *time.Duration { return &s.Budget.PreTimeoutFlush }),
	boolean("WithShutdownOnly", "EPILOGUE_SHUTDOWN_ONLY", func(s *Settings) *bool { return &s.ShutdownOnly }),
	boolean("WithEndBeforeTimeout", "EPILOGUE_END_BEFORE_TIMEOUT", func(s *Settings) *bool { return &s.EndBeforeTimeout }),
	boolean("WithoutExit", "EPILOGUE_WITHOUT_EXIT", func(s *Settings) *bool { return &s.WithoutExit }),
}

// Resolve takes each setting from its option, or else from the environment, or else from the default. bad has an error
// for each value that is not accepted.
func Resolve(o Options, getenv func(string) string) (s Settings, bad []error) {
	for _, one := range all {
		name, text := one.env, getenv(one.env)
		option, given := o[one.option]
		if given {
			name, text = one.option, option
		}
		if (given || text != "") && one.set(&s, text) {
			continue
		}
		one.set(&s, one.fallback)
		if given || text != "" {
			bad = append(bad, fmt.Errorf("%s=%q: not accepted; write %s; using %s",
				name, shortened(text), one.accepted, cmp.Or(one.fallback, "the platform's window")))
		}
	}
	return s, bad
}

// duration is a setting that is a length of time, within limits.
func duration(option, env, fallback string, least, most time.Duration, field func(*Settings) *time.Duration) setting {
	accepted := "a duration such as 250ms, from " + least.String() + " to " + most.String()
	return setting{option, env, fallback, accepted, func(s *Settings, text string) bool {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return false
		}
		*field(s) = d
		return true
	}}
}

// boolean is a setting that is false by default.
func boolean(option, env string, field func(*Settings) *bool) setting {
	return setting{option, env, "false", "true or false", func(s *Settings, text string) (ok bool) {
		on, err := strconv.ParseBool(text)
		*field(s) = on
		return err == nil
	}}
}

// validName reports whether the platform accepts name for an extension.
func validName(name string) bool {
	const longest, others = 128, "0123456789._-"
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !strings.ContainsRune(others, r)
	})
}

// shortened is a value for an error.
func shortened(value string) string {
	const longest = 200
	if len(value) > longest {
		return value[:longest] + "…"
	}
	return value
}
