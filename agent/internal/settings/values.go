package settings

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

// duration is a setting that is a length of time.
type duration struct {
	option, env   string
	least, most   time.Duration
	fallback      time.Duration // the default
	fallbackWords string        // describes the default, if the number alone does not
}

var (
	flushTimeout = duration{
		option: "WithFlushTimeout", env: "EPILOGUE_FLUSH_TIMEOUT",
		least: time.Millisecond, most: 15 * time.Minute, fallback: 2 * time.Second,
	}
	deadlineMargin = duration{
		option: "WithDeadlineMargin", env: "EPILOGUE_DEADLINE_MARGIN",
		least: 0, most: 10 * time.Second, fallback: 50 * time.Millisecond,
	}
	handlerStartWait = duration{
		option: "WithHandlerStartWait", env: "EPILOGUE_HANDLER_START_WAIT",
		least: 0, most: 10 * time.Second, fallback: 250 * time.Millisecond,
	}
	shutdownBudget = duration{
		option: "WithShutdownBudget", env: "EPILOGUE_SHUTDOWN_BUDGET",
		least: 50 * time.Millisecond, most: 10 * time.Second, fallback: 0, fallbackWords: "the platform's window",
	}
	preTimeoutFlush = duration{
		option: "WithPreTimeoutFlush", env: "EPILOGUE_PRE_TIMEOUT_FLUSH",
		least: 0, most: time.Minute, fallback: 200 * time.Millisecond,
	}
)

// pick returns the option's value, the environment's, or the default; the latter with an error if the value is bad.
func (d duration) pick(option *time.Duration, getenv func(string) string) (time.Duration, error) {
	if option != nil {
		return d.check(d.option, option.String(), *option, nil)
	}
	text := getenv(d.env)
	if text == "" {
		return d.fallback, nil
	}
	value, err := time.ParseDuration(text)
	return d.check(d.env, text, value, err)
}

// check returns value, which was set by name as text, or the default and an error.
func (d duration) check(name, text string, value time.Duration, err error) (time.Duration, error) {
	if err == nil && d.least <= value && value <= d.most {
		return value, nil
	}
	accepted := fmt.Sprintf("a duration such as 250ms, from %s to %s", d.least, d.most)
	return d.fallback, badValue(name, text, accepted, cmp.Or(d.fallbackWords, d.fallback.String()))
}

const (
	defaultName         = "epilogue"
	nameEnv             = "EPILOGUE_EXTENSION_NAME"
	strategyEnv         = "EPILOGUE_FLUSH_STRATEGY"
	shutdownOnlyEnv     = "EPILOGUE_SHUTDOWN_ONLY"
	endBeforeTimeoutEnv = "EPILOGUE_END_BEFORE_TIMEOUT"
)

// validName reports whether the platform accepts name for an extension.
func validName(name string) bool {
	const longest, others = 128, "0123456789._-"
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && !strings.ContainsRune(others, r)
	})
}

func pickName(option *string, getenv func(string) string) (string, error) {
	setting, name := nameEnv, cmp.Or(getenv(nameEnv), defaultName)
	if option != nil {
		setting, name = "WithExtensionName", *option
	}
	if !validName(name) {
		return defaultName, badValue(setting, name, "1 to 128 letters, digits, dots, underscores and hyphens", defaultName)
	}
	return name, nil
}

// pickBool returns the option's value, the environment's, or false; the latter with an error if the value is bad.
func pickBool(option *bool, env string, getenv func(string) string) (bool, error) {
	if option != nil {
		return *option, nil
	}
	text := getenv(env)
	if text == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, badValue(env, text, "true or false", "false")
	}
	return on, nil
}

// pickStrategy returns the option's value, the environment's, or the default; the latter with an error if the value
// is bad.
func pickStrategy(option *strategy.Strategy, getenv func(string) string) (strategy.Strategy, error) {
	setting, text := strategyEnv, getenv(strategyEnv)
	var s strategy.Strategy
	ok := true
	switch {
	case option != nil:
		setting, text = "WithFlushStrategy", option.String()
		s, ok = *option, option.Valid()
	case text != "":
		s, ok = strategy.Parse(text)
	}
	if !ok {
		return strategy.Strategy{}, badValue(setting, text, strategy.Accepted, strategy.Strategy{}.String())
	}
	return s, nil
}

// badValue is the error of a value that is not accepted. It names the value that is used instead.
func badValue(setting, value, accepted, instead string) error {
	const longest = 200
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	return errors.New(setting + "=" + strconv.Quote(value) + ": not accepted; write " + accepted + "; using " + instead)
}
